import { execFile } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

const NAMES = ['redis-server', 'valkey-server']

export interface BinaryOptions {
  /** Folders to look in. @default PATH, or AIOFLUX_TEST_PATH to try out what happens without a server there */
  path?: string
  /** Puts a server where `path` or /usr/bin has it; null where that is not possible. @default apt-get, as root */
  install?: (() => Promise<void>) | null
}

const { PATH = '', AIOFLUX_TEST_PATH = PATH } = process.env

/** Where redis-server or valkey-server is: on PATH, or else installed now, which needs root and apt-get. */
export async function redisBinary({
  path = AIOFLUX_TEST_PATH,
  install = aptInstall(),
}: BinaryOptions = {}): Promise<string> {
  let cause: unknown
  const found = locate(NAMES, path)
  if (found !== undefined) return found
  try {
    await install?.()
  } catch (error) {
    cause = error
  }
  const installed = install === null ? undefined : locate(NAMES, `${path}${delimiter}/usr/bin`)
  if (installed !== undefined && cause === undefined) return installed
  const tried = cause instanceof Error ? `\napt-get was tried: ${cause.message}` : ''
  throw new Error(
    'These tests need a real Redis (or Valkey). Any one of these three will do:\n' +
      '  - set REDIS_URL to a server that is running, e.g. REDIS_URL=redis://127.0.0.1:6379\n' +
      '  - have redis-server or valkey-server on PATH; the tests start and stop it themselves\n' +
      '  - run as root on a system with apt-get; redis-server is then installed by itself\n' +
      `The tests that need no Redis: npm run test:unit${tried}`,
    { cause },
  )
}

function locate(names: readonly string[], path: string): string | undefined {
  return names
    .flatMap((name) => path.split(delimiter).map((folder) => join(folder || '.', name)))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK)
        return true
      } catch {
        return false
      }
    })
}

/**
 * One worker installs, under a lock that the kernel drops with its holder; the others wait and find it done. The policy
 * file keeps Debian from starting a service, and goes when the shell goes.
 */
const INSTALL = `
set -e
[ -z "$AIOFLUX_TEST_PATH" ] && command -v redis-server >/dev/null && exit 0
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
  trap 'rm -f /usr/sbin/policy-rc.d' EXIT
  printf '#!/bin/sh\\nexit 101\\n' >$policy
  chmod 755 $policy
fi
apt-get -qq -o DPkg::Lock::Timeout=120 update
apt-get -qq -o DPkg::Lock::Timeout=120 install -y --no-install-recommends redis-server
`

/** The installation, where it is possible at all. */
function aptInstall(): (() => Promise<void>) | null {
  if (process.getuid?.() !== 0 || locate(['apt-get'], PATH) === undefined) return null
  return () =>
    new Promise((resolve, reject) => {
      console.log('redis-server is not on PATH: apt-get install redis-server')
      execFile(
        'flock',
        ['/tmp/aioflux-test-apt.lock', 'sh', '-c', INSTALL, 'install'],
        { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }, timeout: 300_000 },
        (error, _stdout, stderr) =>
          error === null
            ? resolve()
            : reject(
                new Error(stderr.trim().split('\n').at(-1) || error.message, { cause: error }),
              ),
      )
    })
}
