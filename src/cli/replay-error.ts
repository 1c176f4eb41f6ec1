/** Why a log could not be judged. The command ends with exit code 1. */
export class ReplayError extends Error {
  override readonly name = 'ReplayError'
}
