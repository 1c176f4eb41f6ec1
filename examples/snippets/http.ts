// What README and docs/http.md show.
// biome-ignore-all assist/source/organizeImports: each part has its own.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { LimiterFactory } from 'aioflux'
// #region express
import { rateLimitMiddleware } from 'aioflux/http'
// #endregion
import { politeFetch } from 'aioflux/http'

// #region express
const limiter = LimiterFactory.tokenBucket({ rate: 100, per: '1m', name: 'api' })

const app = express()
app.use(rateLimitMiddleware(limiter)) // each address by itself, IPv6 by its network
// #endregion
app.get('/', (_, response) => void response.send('hello'))

const server = createServer(app).listen(0, '127.0.0.1')
await new Promise((ready) => server.once('listening', ready))
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
console.log((await fetch(url)).status) // => 200
await limiter.block('127.0.0.1', '2s')
console.log((await fetch(url)).status) // => 429

// #region polite
const polite = politeFetch() // waits as servers say, all calls together
const response = await polite(url)
// #endregion
console.log(response.status) // => 200
server.close()
