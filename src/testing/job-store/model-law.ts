import { seeded } from '../law.ts'
import { StoreDriver } from './driver.ts'
import { type Chance, drawPlan } from './model-plan.ts'
import { ModelRun } from './model-run.ts'
import type { JobStoreLaw, MakeJobStore, StoreCapability } from './under-exam.ts'

/** How many calls one run makes. */
const STEPS = 80

/** How the model is run. */
export interface ModelOptions {
  readonly runs: number
  readonly seed: number
  readonly cannot: readonly StoreCapability[]
}

/** Random calls over random terms: a store answers as plain jobs do. */
export function modelLaw(make: MakeJobStore, options: ModelOptions): JobStoreLaw {
  return {
    name: `${options.runs} runs of random calls are answered as a plain store answers them`,
    async run() {
      for (let i = 0; i < options.runs; i++) await runModel(make, options.seed + i, options.cannot)
    },
  }
}

async function runModel(
  make: MakeJobStore,
  seed: number,
  cannot: readonly StoreCapability[],
): Promise<void> {
  const chance = chanceOf(seed)
  const plan = drawPlan(chance, cannot)
  const exam = await make(plan.terms)
  const run = new ModelRun(new StoreDriver(exam, plan.terms, 0), plan, chance)
  try {
    for (let step = 0; step < STEPS; step++) await run.step()
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    const terms = JSON.stringify(plan.terms)
    const calls = run.calls.slice(-25).join('\n')
    throw new Error(`seed ${seed}, call ${run.calls.length}: ${why}\nterms ${terms}\n${calls}`, {
      cause: error,
    })
  } finally {
    if (exam.close === undefined) await exam.store.close()
    else await exam.close()
  }
}

function chanceOf(seed: number): Chance {
  const random = seeded(seed)
  const number = (below: number) => Math.floor(random() * below)
  return {
    number,
    pick: (choices) => choices[number(choices.length)] as (typeof choices)[number],
    once: (times) => number(times) === 0,
  }
}
