import { between, integer, known, type OptionTable, text } from '../core/check.ts'
import { describe, OptionTypeError } from '../core/errors.ts'
import { CONTENT_TYPES, exposition, formatFor } from './exposition.ts'
import { type Metrics, metrics as processMetrics } from './metrics.ts'
import { nodeHttp, type ScrapeRequest, type ScrapeResponse, type Server } from './node-http.ts'

/** Options of {@link PrometheusExporter}. */
export interface PrometheusExporterOptions {
  /** The port of its own server; 0 for any free port. @default 9464 */
  port?: number
  /** The address on which its own server listens. The default is reachable from this machine only. @default '127.0.0.1' */
  host?: string
  /** The metrics that it shows. @default the metrics of the process */
  metrics?: Metrics
}

export const PROMETHEUS_EXPORTER_OPTIONS: OptionTable<PrometheusExporterOptions> = {
  port: true,
  host: true,
  metrics: true,
}

/**
 * Shows metrics to Prometheus: on a server of its own, `GET /metrics`, or by a handler in your server.
 *
 * Writes the text format 0.0.4 or OpenMetrics 1.0, as the scraper asks. Writes slice by slice, no faster than the scraper reads, and
 * the event loop runs in between.
 *
 * @example
 * const exporter = new PrometheusExporter()
 * await exporter.start()                        // http://127.0.0.1:9464/metrics
 *
 * @example
 * app.get('/metrics', exporter.handler)         // Express; node:http and Connect alike
 * app.get('/metrics', (c) => exporter.fetch(c.req.raw))   // Hono, Bun, Deno
 */
export class PrometheusExporter implements AsyncDisposable {
  readonly #metrics: Metrics
  readonly #port: number
  readonly #host: string
  #server: Promise<Server> | undefined
  /** The end of the server before, until it has ended. */
  #stopping: Promise<void> | undefined
  #listening: number | undefined

  /** @throws OptionTypeError | OptionRangeError naming the option and its value */
  constructor(options: PrometheusExporterOptions = {}) {
    known('PrometheusExporter', options, PROMETHEUS_EXPORTER_OPTIONS)
    const { port = 9464, host = '127.0.0.1', metrics = processMetrics } = options
    this.#port = between('port', integer('port', port, 0), 0, 65_535)
    // An empty one would listen on every address of the machine.
    this.#host = text('host', host)
    this.#metrics = checkMetrics(metrics)
  }

  /** The port of its server while it listens; else `undefined`. */
  get port(): number | undefined {
    return this.#listening
  }

  /**
   * Begins to listen. A second call does nothing. The server does not keep the process alive.
   *
   * @throws the error of the socket, such as `EADDRINUSE`; OptionTypeError on runtimes without node:http
   */
  async start(): Promise<this> {
    // The port is free only when the server before has ended.
    while (this.#stopping !== undefined) await this.#stopping
    this.#server ??= this.#listen()
    const starting = this.#server
    try {
      const address = (await starting).address()
      // `stop` may have been called in the meantime.
      if (this.#server === starting) {
        this.#listening = typeof address === 'object' ? address?.port : undefined
      }
    } catch (error) {
      if (this.#server === starting) this.#server = undefined
      throw error
    }
    return this
  }

  /** Ends the server and current scrapes. May be called twice, and the exporter may be started again. */
  stop(): Promise<void> {
    const server = this.#server
    if (server === undefined) return this.#stopping ?? Promise.resolve()
    this.#server = undefined
    this.#listening = undefined
    this.#stopping = this.#end(server).then(() => {
      this.#stopping = undefined
    })
    return this.#stopping
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  /** Answers a scrape at any path: for node:http, Express and Connect. */
  readonly handler = (request: ScrapeRequest, response: ScrapeResponse): void => {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD' })
      response.end()
      return
    }
    const format = formatFor(request.headers.accept)
    response.writeHead(200, { 'content-type': CONTENT_TYPES[format] })
    if (request.method === 'HEAD') {
      response.end()
      return
    }
    // A scraper that disconnects is no error of ours.
    write(exposition(this.#metrics, format), response).catch(() => response.destroy())
  }

  /** Answers a scrape at any path, for web-standard requests: Hono, Bun, Deno, the edge. */
  fetch(request: Request): Response {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return new Response(null, { status: 405, headers: { allow: 'GET, HEAD' } })
    }
    const format = formatFor(request.headers.get('accept') ?? undefined)
    const slices = exposition(this.#metrics, format)
    const encoder = new TextEncoder()
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const { done, value } = await slices.next()
        if (done) controller.close()
        else controller.enqueue(encoder.encode(value))
      },
      async cancel() {
        await slices.return()
      },
    })
    return new Response(request.method === 'HEAD' ? null : body, {
      headers: { 'content-type': CONTENT_TYPES[format] },
    })
  }

  async #listen(): Promise<Server> {
    const server = nodeHttp().createServer((request, response) => {
      const path = request.url?.split('?')[0]
      if (path === '/metrics') this.handler(request, response)
      else {
        response.writeHead(404, { 'content-type': 'text/plain' })
        response.end('GET /metrics\n')
      }
    })
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(this.#port, this.#host, () => {
        server.off('error', reject)
        resolve()
      })
    })
    server.unref()
    return server
  }

  async #end(starting: Promise<Server>): Promise<void> {
    const server = await starting.catch(() => undefined)
    if (server === undefined) return
    await new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  }
}

/** @throws OptionTypeError */
export function checkMetrics(metrics: Metrics): Metrics {
  if (typeof metrics?.onFamily !== 'function') {
    throw new OptionTypeError('metrics', `metrics must be a Metrics, got ${describe(metrics)}`)
  }
  return metrics
}

async function write(slices: AsyncIterable<string>, response: ScrapeResponse): Promise<void> {
  for await (const slice of slices) {
    if (response.destroyed) return
    if (!response.write(slice)) await drained(response)
  }
  response.end()
}

function drained(response: ScrapeResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done)
      response.off('close', done)
      resolve()
    }
    response.on('drain', done)
    response.on('close', done)
  })
}
