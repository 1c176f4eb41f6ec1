// Preloaded where the runtime's own console shows objects in another way than Node's, in which examples say what they print.
import { format } from 'node:util'

console.log = (...args) => void process.stdout.write(`${format(...args)}\n`)
