import { between, integer, known, type OptionTable, text } from '../core/check.ts'
import { describe, OptionTypeError } from '../core/errors.ts'
import { CONTENT_TYPES, exposition, formatFor } from './exposition.ts'
import { type Metrics, metrics as processMetrics } from './metrics.ts'
import { nodeHttp, type ScrapeRequest, type ScrapeResponse, type Server } from './node-http.ts'

/** What a {@link PrometheusExporter} shows, and where its own server listens. */
export interface PrometheusExporterOptions {
  /** The port of its own server; 0 for any that is free. @default 9464 */
  port?: number
  /** The address it listens on: this machine alone, unless told otherwise. @default '127.0.0.1' */
  host?: string
  /** What it shows. @default the process's metrics */
  metrics?: Metrics
}

export const PROMETHEUS_EXPORTER_OPTIONS: OptionTable<PrometheusExporterOptions> = {
  port: true,
  host: true,
  metrics: true,
}

/**
 * Shows metrics to Prometheus: on a server of its own, `GET /metrics`, or as a handler of yours.
 *
 * Speaks the text format 0.0.4 and OpenMetrics 1.0, as the scraper likes. Writes slice by slice, no faster than it is
 * read, and lets the event loop have its turn in between.
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
  /** The end of the server before, while it is under way. */
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

  /** The port it listens on, from when it has started until it is stopped. */
  get port(): number | undefined {
    return this.#listening
  }

  /**
   * Begins to listen. Idempotent. Scrapes do not keep the process alive.
   *
   * @throws what the socket says (rejects), such as `EADDRINUSE`; OptionTypeError on runtimes without node:http
   */
  async start(): Promise<this> {
    // Until it has stopped, the port is not free.
    while (this.#stopping !== undefined) await this.#stopping
    this.#server ??= this.#listen()
    const starting = this.#server
    try {
      const address = (await starting).address()
      // It may have been stopped meanwhile.
      if (this.#server === starting) {
        this.#listening = typeof address === 'object' ? address?.port : undefined
      }
    } catch (error) {
      if (this.#server === starting) this.#server = undefined
      throw error
    }
    return this
  }

  /** Ends the server and the scrapes under way. Idempotent; it may be started again. */
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
    // A scraper that goes away in the middle is its own affair.
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
