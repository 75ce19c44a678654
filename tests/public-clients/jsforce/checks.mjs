// jsforce against the twin's Salesforce. Prints a line for each check that held; the first that does not ends it.
import assert from "node:assert/strict";
import jsforce from "jsforce";

const [url, clientId] = process.argv.slice(2);

async function check(name, body) {
  await body();
  console.log(`ok ${name}`);
}

const oauth2 = { loginUrl: url, clientId, clientSecret: "twin-secret" };
const conn = new jsforce.Connection({ oauth2, loginUrl: url, version: "62.0" });

await check("log-in with user name and password", async () => {
  const user = await conn.login("connector@prospect-sync.example", "twin-password");
  assert.match(user.id, /^005/);
});

await check("a query over several pages", async () => {
  const names = [];
  let page = await conn.query("SELECT LastName FROM Lead ORDER BY LastName");
  assert.equal(page.records.length, 10);
  for (;;) {
    names.push(...page.records.map((row) => row.LastName));
    if (page.done) break;
    page = await conn.queryMore(page.nextRecordsUrl);
  }
  assert.equal(names.length, 25);
  assert.equal(new Set(names).size, 25);
});

let lead;
await check("create, update, retrieve", async () => {
  const created = await conn.sobject("Lead").create({ LastName: "Okafor", Company: "Okafor Ltd" });
  assert.equal(created.success, true);
  lead = created.id;
  assert.equal((await conn.sobject("Lead").update({ Id: lead, Title: "CEO" })).success, true);
  assert.equal((await conn.sobject("Lead").retrieve(lead)).Title, "CEO");
});

await check("upsert by external id", async () => {
  const row = { LastName: "Lindqvist", Company: "Lindqvist AB", Prospect_Sync_Key__c: "0Uv000000000001CAA:p:78" };
  const first = await conn.sobject("Lead").upsert(row, "Prospect_Sync_Key__c");
  const second = await conn.sobject("Lead").upsert({ ...row, Title: "Owner" }, "Prospect_Sync_Key__c");
  assert.equal(first.success && second.success, true);
  const found = await conn.query("SELECT Title FROM Lead WHERE LastName = 'Lindqvist'");
  assert.deepEqual(found.records.map((found) => found.Title), ["Owner"]);
});

await check("a collection with one bad record", async () => {
  const rows = [
    { LastName: "Good", Company: "Good Ltd" },
    { LastName: "Bad", Company: "Bad Ltd", Region__c: "Atlantis" },
    { LastName: "Fine", Company: "Fine Ltd", Region__c: "Europe" },
  ];
  const results = await conn.sobject("Lead").create(rows, { allOrNone: false });
  assert.deepEqual(results.map((result) => result.success), [true, false, true]);
  assert.equal(results[1].errors[0].statusCode ?? results[1].errors[0].errorCode, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST");
});

await check("delete, and queryAll finds it", async () => {
  assert.equal((await conn.sobject("Lead").destroy(lead)).success, true);
  const soql = `SELECT Id, IsDeleted FROM Lead WHERE Id = '${lead}'`;
  assert.equal((await conn.query(soql)).totalSize, 0);
  const all = await conn.query(soql, { scanAll: true });
  assert.equal(all.records[0].IsDeleted, true);
});

await check("an unknown field is told", async () => {
  await assert.rejects(conn.query("SELECT Nope FROM Lead"), { errorCode: "INVALID_FIELD" });
});
