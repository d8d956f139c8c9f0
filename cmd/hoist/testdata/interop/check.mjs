// What every check of the interoperability run shares: a line a check, and the count at the end.

import crypto from 'node:crypto';

let passed = 0;
let failed = 0;
let known = 0;

// limits are the checks that fail for a reason that lies with a client or with what the service retired.
// One that passes all the same has to leave the list.
const limits = new Map();
export function limit(name, reason) {
  limits.set(name, reason);
}

export async function check(name, body) {
  const reason = limits.get(name);
  try {
    const result = await body();
    if (reason) throw new Error('it is on the list of limits, and passes');
    passed++;
    console.log(`ok ${name}`);
    return result;
  } catch (error) {
    const answer = error?.axiosError?.response?.data ?? error?.response?.data;
    if (reason && !error?.message?.startsWith('it is on the list')) {
      known++;
      console.log(`known ${name}: ${reason}`);
      return undefined;
    }
    failed++;
    const text = answer && (typeof answer === 'string' || Buffer.isBuffer(answer) ? String(answer) : JSON.stringify(answer));
    console.log(`FAIL ${name}: ${error?.message ?? (typeof error === 'object' ? JSON.stringify(error) : error)}${text ? ' ' + text : ''}`);
    return undefined;
  }
}

export function equal(got, want, what) {
  if (got !== want) throw new Error(`${what}: got ${JSON.stringify(got)}, want ${JSON.stringify(want)}`);
}

export function truth(got, what) {
  if (!got) throw new Error(`${what}: got ${JSON.stringify(got)}`);
  return got;
}

export const sha1 = (bytes) => crypto.createHash('sha1').update(bytes).digest('hex');

// watched notes which calls of a client were made. everyCall checks that none was left out.
const unused = new Map();
export function watched(name, client, except = []) {
  const methods = Object.getOwnPropertyNames(Object.getPrototypeOf(client))
    .concat(Object.keys(client).filter((key) => typeof client[key] === 'function'))
    .filter((m) => m !== 'constructor' && !m.startsWith('_') && !except.includes(m));
  const left = new Set(methods);
  unused.set(name, left);
  return new Proxy(client, {
    get(target, key) {
      left.delete(key);
      const value = target[key];
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

export async function everyCall() {
  for (const [name, left] of unused) {
    await check(`${name}: every call was made`, () => equal([...left].sort().join(), '', 'calls left out'));
  }
}

export function done() {
  console.log(`${passed} passed, ${failed} failed, ${known} known limits`);
  process.exit(failed === 0 ? 0 : 1);
}
