// Engines keep arrays of small integers, of doubles and of objects differently, and take an empty one for the first kind: the first
// element of another kind changes it, and throws away the machine code made for the old kind. Measured, each new queue cost its
// process several hundred thousand jobs at half speed that way.

/** An empty array for numbers of any kind. */
export function doubles(): number[] {
  const numbers = [0.5]
  numbers.pop()
  return numbers
}

/** An empty array for objects. */
export function objects<T extends object>(): T[] {
  const list: object[] = [{}]
  list.pop()
  return list as T[]
}
