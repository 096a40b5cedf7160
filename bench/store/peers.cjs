// DuckDB and ClickHouse in this process, for store_compare.py.  A line of standard input is a request, a line of
// standard output its answer:
//   {"open": "duckdb" | "clickhouse", "path": DIRECTORY}       -> {"version": TEXT}
//   {"run": SQL}                                              -> {"ms": NUMBER, "cpu_ms": NUMBER}
//   {"ask": SQL, "runs": N}                                   -> {"ms": [N numbers], "rows": [first 100 rows], "count": ROWS}
// An error is {"error": TEXT}.
"use strict";
const path = require("node:path");
const readline = require("node:readline");

const FIRST_ROWS = 100;

async function openDuckdb(directory) {
  const { DuckDBInstance } = require("@duckdb/node-api");
  const instance = await DuckDBInstance.create(path.join(directory, "log.duckdb"), { threads: "2" });
  const connection = await instance.connect();
  return {
    async run(sql) {
      await connection.run(sql);
    },
    async ask(sql) {
      const reader = await connection.runAndReadAll(sql); // The whole result is in memory then.
      return { count: reader.currentRowCount, rows: () => reader.getRowsJson().slice(0, FIRST_ROWS) };
    },
    version: async () => (await connection.runAndReadAll("SELECT version()")).getRowsJson()[0][0],
  };
}

function openClickhouse(directory) {
  const { Session } = require("chdb");
  const session = new Session(path.join(directory, "clickhouse"));
  const ask = (sql) => {
    const text = session.query(sql, "JSONCompactEachRow");
    const lines = text.split("\n").filter((line) => line !== "");
    return { count: lines.length, rows: () => lines.slice(0, FIRST_ROWS).map((line) => JSON.parse(line)) };
  };
  return {
    run: async (sql) => void session.query(sql, "CSV"),
    ask: async (sql) => ask(sql),
    version: async () => ask("SELECT version()").rows()[0][0],
  };
}

function cpuMilliseconds() {
  const used = process.cpuUsage();
  return (used.user + used.system) / 1000;
}

async function handle(request, state) {
  if (request.open) {
    state.engine = request.open === "duckdb" ? await openDuckdb(request.path) : openClickhouse(request.path);
    return { version: await state.engine.version() };
  }
  if (request.run) {
    const cpu = cpuMilliseconds();
    const start = process.hrtime.bigint();
    await state.engine.run(request.run);
    return { ms: Number(process.hrtime.bigint() - start) / 1e6, cpu_ms: cpuMilliseconds() - cpu };
  }
  const ms = [];
  let answer;
  for (let i = 0; i < request.runs; ++i) {
    const start = process.hrtime.bigint();
    answer = await state.engine.ask(request.ask);
    ms.push(Number(process.hrtime.bigint() - start) / 1e6);
  }
  return { ms, rows: answer.rows(), count: answer.count };
}

async function main() {
  const state = {};
  for await (const line of readline.createInterface({ input: process.stdin })) {
    let answer;
    try {
      answer = await handle(JSON.parse(line), state);
    } catch (error) {
      answer = { error: String(error && error.message ? error.message : error) };
    }
    const text = JSON.stringify(answer, (_, value) => (typeof value === "bigint" ? Number(value) : value));
    process.stdout.write(text + "\n");
  }
}

main();
