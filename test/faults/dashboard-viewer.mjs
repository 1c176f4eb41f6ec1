// Looks at the stream of a dashboard as many pages do, and says when all have heard so many messages.
import { argv, stdout } from 'node:process'

const [, , url, viewers, heard] = argv
let open = Number(viewers)
const begun = []
for (let i = 0; i < Number(viewers); i++) {
  begun.push(look())
}

async function look() {
  const response = await fetch(`${url}api/stream`)
  let messages = 0
  let seen = false
  for await (const chunk of response.body) {
    messages += Buffer.from(chunk).toString('latin1').split('\n\n').length - 1
    // The first message says how soon to come again.
    // A chunk may bring several.
    if (!seen && messages >= 2) {
      seen = true
      open -= 1
      if (open === 0) stdout.write('open\n')
    }
    if (messages >= 2 + Number(heard)) return
  }
}

await Promise.all(begun)
stdout.write('heard\n')
process.exit()
