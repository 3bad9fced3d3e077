/* What follows from the rows of a trace: which come before which, and the state after each. Nothing here knows of the page.

   `data` is that of `data.rs`. */
function readTrace(data) {
  "use strict";

  const { tasks, rows } = data;

  const clocks = [];
  {
    const known = tasks.map(() => tasks.map(() => 0));
    for (const row of rows) {
      for (const [task, entry] of row.clock) known[row.task][task] = entry;
      clocks.push([...known[row.task]]);
    }
  }
  /* The rows of each task: the clock's entry 3 is the third of them. */
  const rowsOf = tasks.map(() => []);
  rows.forEach((row, number) => rowsOf[row.task].push(number));

  const isBefore = (first, second) => {
    const task = rows[first].task;
    return clocks[first][task] <= clocks[second][task];
  };
  const areConcurrent = (one, other) => !isBefore(one, other) && !isBefore(other, one);

  const isAtomic = (row) => ["read", "write", "update"].includes(row.kind);
  const users = new Map();
  const lockNames = new Set();
  for (const row of rows) {
    if (isAtomic(row) && row.object) {
      if (!users.has(row.object)) users.set(row.object, new Set());
      users.get(row.object).add(row.task);
    }
    if (row.kind === "lock" || row.kind === "unlock") lockNames.add(row.object);
    if (row.mutex) lockNames.add(row.mutex);
  }

  /* Goes through all rows up to this one: that is fast, and nothing can be forgotten. */
  function stateAfter(last) {
    const state = {
      values: new Map(),
      locks: new Map(),
      beside: new Map(),
      tasks: tasks.map(() => ({ says: "not begun", since: null, asleep: false, within: [] })),
    };
    const take = (lock, task) => state.locks.set(lock, [...(state.locks.get(lock) ?? []), task]);
    const giveBack = (lock, task) => {
      const holders = [...(state.locks.get(lock) ?? [])];
      if (holders.includes(task)) holders.splice(holders.indexOf(task), 1);
      state.locks.set(lock, holders);
    };
    for (let number = 0; number <= last; number++) {
      const row = rows[number];
      const task = state.tasks[row.task];
      if (task.says !== "ready") Object.assign(task, { says: "ready", since: null, asleep: false });
      if (isAtomic(row) && row.value !== undefined) {
        /* A read may be of an old value; it tells the first one. */
        if (row.kind !== "read" || !state.values.has(row.object)) {
          state.values.set(row.object, { value: row.value, row: number });
        }
      }
      switch (row.kind) {
        case "lock": take(row.object, row.task); break;
        case "unlock": giveBack(row.object, row.task); break;
        case "sleep":
          if (row.mutex) giveBack(row.mutex, row.task);
          Object.assign(task, { says: row.text, since: number, asleep: true });
          break;
        case "resume": if (lockNames.has(row.object)) take(row.object, row.task); break;
        case "spawn":
          for (const other of row.others ?? []) state.tasks[other].says = "ready";
          break;
        case "end": task.says = "has ended"; break;
        case "begin": task.within.push({ text: row.text, row: number }); break;
        case "finish": task.within.pop(); break;
      }
      for (const { topic, name, value } of row.changes ?? []) {
        const key = `${topic} ${name}`;
        if (value === "") state.beside.delete(key);
        else state.beside.set(key, { topic, name, value, row: number });
      }
    }
    const current = state.tasks[rows[last].task];
    if (current.says === "ready") current.says = "runs";
    return state;
  }

  return { clocks, rowsOf, users, areConcurrent, stateAfter };
}
