import type { Format } from '../../../src/cli/formats/formats.ts'

export type Fields = Readonly<Record<string, string | undefined>>

export interface Vendor {
  readonly name: string
  readonly format: Format
  /** A heading where the format has one, and a request last. */
  readonly lines: readonly string[]
  readonly fields: Fields
}

const json = (value: object) => JSON.stringify(value)

/** Lines as the vendors document them, and what is in them. */
export const VENDORS: readonly Vendor[] = [
  {
    name: 'Apache common',
    format: 'clf',
    lines: [
      '127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326',
    ],
    fields: {
      time: '2000-10-10T20:55:36.000Z',
      ip: '127.0.0.1',
      path: '/apache_pb.gif',
      method: 'GET',
      status: '200',
      user: 'frank',
      bytes: '2326',
    },
  },
  {
    name: 'Apache combined',
    format: 'combined',
    lines: [
      '127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326 "http://www.example.com/start.html" "Mozilla/4.08 [en] (Win98; I ;Nav)"',
    ],
    fields: {
      time: '2000-10-10T20:55:36.000Z',
      ip: '127.0.0.1',
      path: '/apache_pb.gif',
      method: 'GET',
      status: '200',
      user: 'frank',
      agent: 'Mozilla/4.08 [en] (Win98; I ;Nav)',
    },
  },
  {
    name: 'IIS W3C',
    format: 'w3c',
    lines: [
      '#Software: Microsoft Internet Information Services 10.0',
      '#Version: 1.0',
      '#Date: 2024-03-07 09:00:00',
      '#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken',
      '2024-03-07 09:00:01 10.0.0.5 GET /index.htm a=1 443 bob 203.0.113.7 Mozilla/5.0+(Windows+NT+10.0) - 200 0 0 15',
    ],
    fields: {
      time: '2024-03-07T09:00:01.000Z',
      ip: '203.0.113.7',
      path: '/index.htm',
      method: 'GET',
      status: '200',
      user: 'bob',
      agent: 'Mozilla/5.0+(Windows+NT+10.0)',
    },
  },
  {
    name: 'IIS',
    format: 'iis',
    lines: [
      '192.168.114.201, -, 03/20/01, 7:55:20, W3SVC2, SALES1, 172.21.13.45, 4502, 163, 3223, 200, 0, GET, /DeptLogo.gif, -,',
    ],
    fields: {
      time: '2001-03-20T07:55:20.000Z',
      ip: '192.168.114.201',
      path: '/DeptLogo.gif',
      method: 'GET',
      status: '200',
      user: '-',
      bytes: '3223',
    },
  },
  {
    name: 'AWS CloudFront',
    format: 'w3c',
    lines: [
      '#Version: 1.0',
      '#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken x-forwarded-for ssl-protocol ssl-cipher x-edge-response-result-type cs-protocol-version',
      '2019-12-04\t21:02:31\tLAX1\t392\t192.0.2.100\tGET\td111111abcdef8.cloudfront.net\t/index.html\t200\t-\tMozilla/5.0%20(Windows%20NT%2010.0)\t-\t-\tHit\tSOX4xwn4XV6Q4rgb7XiVGOHms_BGlTAC4KyHmureZmBNrjGdRLiNIQ==\td111111abcdef8.cloudfront.net\thttps\t23\t0.001\t-\tTLSv1.2\tECDHE-RSA-AES128-GCM-SHA256\tHit\tHTTP/2.0',
    ],
    fields: {
      time: '2019-12-04T21:02:31.000Z',
      ip: '192.0.2.100',
      path: '/index.html',
      method: 'GET',
      status: '200',
      host: 'd111111abcdef8.cloudfront.net',
      bytes: '392',
    },
  },
  {
    name: 'AWS CloudFront without its heading',
    format: 'cloudfront',
    lines: [
      '2019-12-04\t21:02:31\tLAX1\t392\t2001:db8::1\tGET\td111111abcdef8.cloudfront.net\t/index.html\t200\t-\tMozilla/5.0%20(Windows%20NT%2010.0)\t-\t-\tHit\tSOX4xwn4XV6Q4rgb7XiVGOHms_BGlTAC4KyHmureZmBNrjGdRLiNIQ==\td111111abcdef8.cloudfront.net\thttps\t23\t0.001\t-\tTLSv1.2\tECDHE-RSA-AES128-GCM-SHA256\tHit\tHTTP/2.0\t-\t-\t11040',
    ],
    fields: {
      time: '2019-12-04T21:02:31.000Z',
      ip: '2001:db8::/56',
      path: '/index.html',
      method: 'GET',
      status: '200',
    },
  },
  {
    name: 'AWS ALB',
    format: 'alb',
    lines: [
      'http 2018-07-02T22:23:00.186641Z app/my-loadbalancer/50dc6c495c0c9188 192.168.131.39:2817 10.0.0.1:80 0.000 0.001 0.000 200 200 34 366 "GET http://www.example.com:80/ HTTP/1.1" "curl/7.46.0" - - arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/my-targets/73e2d6bc24d8a067 "Root=1-58337262-36d228ad5d99923122bbe354" "-" "-" 0 2018-07-02T22:22:48.364000Z "forward" "-" "-" "10.0.0.1:80" "200" "-" "-" TID_1234abcd5678ef90',
    ],
    fields: {
      time: '2018-07-02T22:23:00.186Z',
      ip: '192.168.131.39',
      path: '/',
      method: 'GET',
      status: '200',
      agent: 'curl/7.46.0',
      bytes: '366',
    },
  },
  {
    name: 'AWS Classic Load Balancer',
    format: 'alb',
    lines: [
      '2015-05-13T23:39:43.945958Z my-loadbalancer 192.168.131.39:2817 10.0.0.1:80 0.000073 0.001048 0.000057 200 200 0 29 "GET http://www.example.com:80/a HTTP/1.1" "curl/7.38.0" - -',
    ],
    fields: {
      time: '2015-05-13T23:39:43.945Z',
      ip: '192.168.131.39',
      path: '/a',
      method: 'GET',
      status: '200',
    },
  },
  {
    name: 'AWS Network Load Balancer',
    format: 'nlb',
    lines: [
      'tls 2.0 2018-12-20T02:59:40 net/my-network-loadbalancer/c6e77e28c25b2234 g3d4b5e8bb8464cd 72.21.218.154:51341 172.100.100.185:443 5 2 98 246 - arn:aws:acm:us-east-2:671290407336:certificate/2a108f19-aded-46b0-8493-c63eb1ef4a99 - ECDHE-RSA-AES128-SHA TLSv12 - my-network-loadbalancer-c6e77e28c25b2234.elb.us-east-2.amazonaws.com h2 h2 "h2","http/1.1" 2018-12-20T02:59:30',
    ],
    fields: {
      time: '2018-12-20T02:59:40.000Z',
      ip: '72.21.218.154',
      host: 'my-network-loadbalancer-c6e77e28c25b2234.elb.us-east-2.amazonaws.com',
      bytes: '246',
    },
  },
  {
    name: 'AWS S3',
    format: 's3',
    lines: [
      '79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be amzn-s3-demo-bucket1 [06/Feb/2019:00:00:38 +0000] 192.0.2.3 79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be 3E57427F3EXAMPLE REST.GET.VERSIONING - "GET /amzn-s3-demo-bucket1?versioning HTTP/1.1" 200 - 113 - 7 - "-" "S3Console/0.4" - s9lzHYrFp76ZVxRcpX9+5cjAnEH2ROuNkd2BHfIa6UkFVdtjf5mKR3/eTPFvsiP/XV/VLi31234= SigV4 ECDHE-RSA-AES128-GCM-SHA256 AuthHeader amzn-s3-demo-bucket1.s3.us-west-1.amazonaws.com TLSV1.2 arn:aws:s3:us-west-1:123456789012:accesspoint/example-AP Yes',
    ],
    fields: {
      time: '2019-02-06T00:00:38.000Z',
      ip: '192.0.2.3',
      path: '/amzn-s3-demo-bucket1',
      method: 'GET',
      status: '200',
      host: 'amzn-s3-demo-bucket1.s3.us-west-1.amazonaws.com',
      user: '79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be',
      agent: 'S3Console/0.4',
      bytes: '113',
    },
  },
  {
    name: 'HAProxy HTTP',
    format: 'haproxy',
    lines: [
      'Feb  6 12:14:14 localhost haproxy[14389]: 10.0.1.2:33317 [06/Feb/2009:12:14:14.655] http-in static/srv1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 {1wt.eu} {} "GET /index.html HTTP/1.1"',
    ],
    fields: {
      time: '2009-02-06T12:14:14.655Z',
      ip: '10.0.1.2',
      path: '/index.html',
      method: 'GET',
      status: '200',
      bytes: '2750',
    },
  },
  {
    name: 'HAProxy TCP',
    format: 'haproxy',
    lines: [
      'Feb  6 12:12:56 localhost haproxy[14387]: 10.0.1.2:33313 [06/Feb/2009:12:12:51.443] fnt bck/srv1 0/0/5007 212 -- 0/0/0/0/3 0/0',
    ],
    fields: { time: '2009-02-06T12:12:51.443Z', ip: '10.0.1.2', bytes: '212' },
  },
  {
    name: 'Envoy',
    format: 'envoy',
    lines: [
      '[2016-04-15T20:17:00.310Z] "POST /api/v1/locations HTTP/2" 204 - 154 0 226 100 "10.0.35.28" "nsq2http" "cc21d9b0-cf5c-432b-8c7e-98aeb7988cd2" "locations" "tcp://10.0.2.1:80"',
    ],
    fields: {
      time: '2016-04-15T20:17:00.310Z',
      ip: '10.0.35.28',
      path: '/api/v1/locations',
      method: 'POST',
      status: '204',
      host: 'locations',
      agent: 'nsq2http',
      bytes: '0',
    },
  },
  {
    name: 'Istio',
    format: 'envoy',
    lines: [
      '[2020-11-25T21:26:18.409Z] "GET /status/418 HTTP/1.1" 418 - via_upstream - "-" 0 135 3 1 "-" "curl/7.73.0-DEV" "84961386-6d84-929d-98bd-c5aee93b5c88" "httpbin:8000" "127.0.0.1:80" inbound|8000|| 127.0.0.1:41854 10.44.1.27:80 10.44.1.23:37652 outbound_.8000_._.httpbin.foo.svc.cluster.local default',
    ],
    fields: {
      time: '2020-11-25T21:26:18.409Z',
      ip: '10.44.1.23',
      path: '/status/418',
      method: 'GET',
      status: '418',
      host: 'httpbin:8000',
      bytes: '135',
    },
  },
  {
    name: 'nginx JSON',
    format: 'json',
    lines: [
      json({
        time_local: '15/Oct/2023:17:53:31 +0800',
        remote_addr: '203.0.113.1',
        remote_user: 'ann',
        request: 'GET /p?a=1 HTTP/1.1',
        status: '200',
        body_bytes_sent: '12',
        http_user_agent: 'x',
      }),
    ],
    fields: {
      time: '2023-10-15T09:53:31.000Z',
      ip: '203.0.113.1',
      path: '/p',
      method: 'GET',
      status: '200',
      user: 'ann',
      agent: 'x',
      bytes: '12',
    },
  },
  {
    name: 'nginx JSON with request_uri and msec',
    format: 'json',
    lines: [
      json({
        msec: '1697363611.123',
        time_iso8601: '2023-10-15T17:53:31+08:00',
        remote_addr: '203.0.113.1',
        request_uri: '/p?a=1',
        request_method: 'GET',
      }),
    ],
    fields: { time: '2023-10-15T09:53:31.123Z', ip: '203.0.113.1', path: '/p', method: 'GET' },
  },
  {
    name: 'Caddy',
    format: 'json',
    lines: [
      '{"level":"info","ts":1646861401.5241024,"logger":"http.log.access","msg":"handled request","request":{"remote_ip":"10.0.0.9","remote_port":"41342","client_ip":"203.0.113.1","proto":"HTTP/2.0","method":"GET","host":"localhost","uri":"/a?b","headers":{"User-Agent":["curl/7.82.0"],"Accept":["*/*"]},"tls":{"resumed":false}},"bytes_read":0,"user_id":"","duration":0.000929675,"size":10900,"status":200,"resp_headers":{"Server":["Caddy"]}}',
    ],
    fields: {
      time: '2022-03-09T21:30:01.524Z',
      ip: '203.0.113.1',
      path: '/a',
      method: 'GET',
      status: '200',
      host: 'localhost',
      user: '-',
      agent: 'curl/7.82.0',
      bytes: '10900',
    },
  },
  {
    name: 'Traefik',
    format: 'json',
    lines: [
      json({
        ClientAddr: '203.0.113.1:5555',
        ClientHost: '203.0.113.1',
        ClientUsername: '-',
        DownstreamContentSize: 17,
        DownstreamStatus: 200,
        RequestHost: 'h',
        RequestMethod: 'GET',
        RequestPath: '/x?y',
        StartUTC: '2023-12-13T16:33:01.43197025Z',
        StartLocal: '2023-12-13T17:33:01.43197025+01:00',
        level: 'info',
        msg: '',
        time: '2023-12-13T16:33:02Z',
      }),
    ],
    fields: {
      time: '2023-12-13T16:33:01.431Z',
      ip: '203.0.113.1',
      path: '/x',
      method: 'GET',
      status: '200',
      host: 'h',
      bytes: '17',
    },
  },
  {
    name: 'Cloudflare',
    format: 'json',
    lines: [
      json({
        ClientIP: '2001:db8::1',
        ClientRequestHost: 'example.com',
        ClientRequestMethod: 'GET',
        ClientRequestURI: '/x?y',
        EdgeStartTimestamp: 1702485181000000000,
        EdgeResponseStatus: 200,
        EdgeResponseBytes: 5,
        RayID: 'a',
      }),
    ],
    fields: {
      time: '2023-12-13T16:33:01.000Z',
      ip: '2001:db8::/56',
      path: '/x',
      method: 'GET',
      status: '200',
      host: 'example.com',
      bytes: '5',
    },
  },
  {
    name: 'Google Cloud load balancer',
    format: 'json',
    lines: [
      json({
        insertId: 'a',
        httpRequest: {
          requestMethod: 'GET',
          requestUrl: 'https://h/x?y',
          requestSize: '80',
          status: 200,
          responseSize: '312',
          userAgent: 'u',
          remoteIp: '203.0.113.1',
          latency: '0.05s',
        },
        timestamp: '2023-12-13T16:33:01.431970Z',
        receiveTimestamp: '2023-12-13T16:33:02Z',
      }),
    ],
    fields: {
      time: '2023-12-13T16:33:01.431Z',
      ip: '203.0.113.1',
      path: '/x',
      method: 'GET',
      status: '200',
      agent: 'u',
      bytes: '312',
    },
  },
  {
    name: 'pino-http',
    format: 'json',
    lines: [
      json({
        level: 30,
        time: 1702485181431,
        pid: 1,
        hostname: 'web-1',
        req: {
          id: 1,
          method: 'GET',
          url: '/x?y',
          headers: { host: 'h', 'user-agent': 'u' },
          remoteAddress: '::ffff:203.0.113.1',
          remotePort: 5,
        },
        res: { statusCode: 200 },
        responseTime: 2,
        msg: 'request completed',
      }),
    ],
    fields: {
      time: '2023-12-13T16:33:01.431Z',
      ip: '203.0.113.1',
      path: '/x',
      method: 'GET',
      status: '200',
      host: 'h',
      agent: 'u',
    },
  },
  {
    name: 'bunyan',
    format: 'json',
    lines: [
      json({
        name: 'app',
        hostname: 'web-1',
        pid: 1,
        level: 30,
        req: { method: 'GET', url: '/x', headers: {}, remoteAddress: '203.0.113.1', remotePort: 5 },
        msg: '',
        time: '2023-12-13T16:33:01.431Z',
        v: 0,
      }),
    ],
    fields: { time: '2023-12-13T16:33:01.431Z', ip: '203.0.113.1', path: '/x', method: 'GET' },
  },
  {
    name: 'Istio JSON',
    format: 'json',
    lines: [
      json({
        start_time: '2020-11-25T21:26:18.409Z',
        method: 'GET',
        path: '/status/418',
        response_code: 418,
        x_forwarded_for: '203.0.113.1,10.44.1.1',
        downstream_remote_address: '10.44.1.23:37652',
        authority: 'httpbin:8000',
        bytes_sent: 135,
        user_agent: 'u',
      }),
    ],
    fields: {
      time: '2020-11-25T21:26:18.409Z',
      ip: '203.0.113.1',
      path: '/status/418',
      method: 'GET',
      status: '418',
      host: 'httpbin:8000',
      agent: 'u',
      bytes: '135',
    },
  },
]
