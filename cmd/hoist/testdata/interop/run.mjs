// The official npm SDKs of Autodesk and the two clients that came before them, unmodified apart from the base address, against
// the emulator that APS_BASE_URL names. One line a check: "ok NAME", "known NAME: why" for a limit of a client, or "FAIL NAME:
// why"; exit 1 when one failed. At the end no call of the SDKs is left that was not made.
//
// What a version of an SDK does beyond this is its own affair: downloadObject puts ranges together in the wrong order when an
// object is longer than one of its 5 MiB chunks, so the byte for byte check stays below that.

import crypto from 'node:crypto';
import fs from 'node:fs/promises';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { createRequire } from 'node:module';

import { check, done, equal, everyCall, sha1, truth, watched } from './check.mjs';
import { forge } from './forge.mjs';
import { companies, objects, relations, signIn } from './rest.mjs';

const require = createRequire(path.join(process.env.INTEROP_MODULES ?? import.meta.dirname, 'package.json'));
const { ApsConfiguration, ResiliencyConfiguration, SdkManagerBuilder } = require('@aps_sdk/autodesk-sdkmanager');
const { AuthenticationClient } = require('@aps_sdk/authentication');
const { OssClient } = require('@aps_sdk/oss');
const { DataManagementClient } = require('@aps_sdk/data-management');
const { AdminClient } = require('@aps_sdk/construction-account-admin');

const base = new URL(process.env.APS_BASE_URL);
const clientId = process.env.APS_CLIENT_ID;
const clientSecret = process.env.APS_CLIENT_SECRET;
const [hubName, projectName, folderName] = process.env.HOIST_DEMO_REMOTE.replace('aps://', '').split('/').map(decodeURIComponent);

const configuration = new ApsConfiguration({});
configuration.BaseAddress = base;
const sdkManager = SdkManagerBuilder.create()
  .addApsConfiguration(configuration)
  .addResiliencyConfiguration(new ResiliencyConfiguration(5, 10, 60000, 60000))
  .build();
sdkManager.toggleLogging(false);

const authentication = watched('authentication', new AuthenticationClient({ sdkManager }), ['getUserInfo']);
const oss = watched('oss', new OssClient({ sdkManager }));
const dm = watched('data management', new DataManagementClient({ sdkManager }));
const admin = watched('account administration', new AdminClient({ sdkManager }));

const scratch = await fs.mkdtemp(path.join(os.tmpdir(), 'hoist-interop-'));
const unique = crypto.randomBytes(6).toString('hex');

// Authentication.
const token = await check('authentication: two-legged token', async () => {
  const t = await authentication.getTwoLeggedToken(clientId, clientSecret,
    ['data:read', 'data:write', 'data:create', 'data:search', 'bucket:create', 'bucket:read', 'bucket:delete']);
  equal(t.token_type, 'Bearer', 'token_type');
  truth(t.expires_in > 0, 'expires_in');
  return truth(t.access_token, 'access_token');
});
const accessToken = token;
await check('authentication: a wrong secret is refused', async () => {
  const refused = await authentication.getTwoLeggedToken(clientId, 'wrong', ['data:read']).then(() => undefined, (error) => error);
  truth(refused, 'refusal');
});

await signIn({ authentication, clientId, clientSecret });

// Object storage.
const bucketKey = `interop-${unique}`;
await check('oss: create bucket', async () => {
  const b = await oss.createBucket('US', { bucketKey, policyKey: 'transient' }, { accessToken });
  equal(b.bucketKey, bucketKey, 'bucketKey');
  equal(b.policyKey, 'transient', 'policyKey');
});
await check('oss: bucket details', async () => {
  const b = await oss.getBucketDetails(bucketKey, { accessToken });
  equal(b.bucketKey, bucketKey, 'bucketKey');
});
await check('oss: list buckets', async () => {
  const list = await oss.getBuckets({ region: 'US', limit: 100, accessToken });
  truth(list.items.some((b) => b.bucketKey === bucketKey), 'the bucket in the list');
});
const large = crypto.randomBytes(60 << 20);
await check('oss: upload of 60 MB from memory', async () => {
  const o = await oss.uploadObject(bucketKey, 'large model.rvt', large, { accessToken });
  truth(o, 'answer');
});
await check('oss: details of the 60 MB object', async () => {
  const o = await oss.getObjectDetails(bucketKey, 'large model.rvt', { accessToken });
  equal(o.size, large.length, 'size');
  equal(o.sha1, sha1(large), 'sha1');
  equal(o.objectId, `urn:adsk.objects:os.object:${bucketKey}/large model.rvt`, 'objectId');
});
await check('oss: the 60 MB object by its signed URL, byte for byte', async () => {
  const d = await oss.signedS3Download(bucketKey, 'large model.rvt', { accessToken });
  equal(d.status, 'complete', 'status');
  equal(d.size, large.length, 'size');
  const answer = await fetch(d.url);
  equal(answer.status, 200, 'status of S3');
  equal(sha1(Buffer.from(await answer.arrayBuffer())), sha1(large), 'sha1 of the body');
});
const small = crypto.randomBytes(3 << 20);
await check('oss: upload of 3 MB from a file', async () => {
  const file = path.join(scratch, 'up.dwg');
  await fs.writeFile(file, small);
  await oss.uploadObject(bucketKey, 'folder/plan.dwg', file, { accessToken });
  const o = await oss.getObjectDetails(bucketKey, 'folder/plan.dwg', { accessToken });
  equal(o.size, small.length, 'size');
});
await check('oss: download of 3 MB to memory, byte for byte', async () => {
  const stream = await oss.downloadObject(bucketKey, 'folder/plan.dwg', { accessToken });
  const chunks = [];
  let length = 0;
  for await (const chunk of stream) { // the SDK never ends the stream: stop at the known length
    chunks.push(chunk);
    length += chunk.length;
    if (length >= small.length) break;
  }
  truth(Buffer.concat(chunks).equals(small), 'the same bytes');
});
await check('oss: download of 3 MB to a file, byte for byte', async () => {
  const file = path.join(scratch, 'down.dwg');
  await oss.downloadObject(bucketKey, 'folder/plan.dwg', file, { accessToken });
  for (let tries = 0; tries < 200; tries++) { // the SDK returns before the file is written
    if ((await fs.stat(file).catch(() => ({ size: 0 }))).size >= small.length) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  truth((await fs.readFile(file)).equals(small), 'the same bytes');
});
await check('oss: an empty object', async () => {
  await oss.uploadObject(bucketKey, 'empty.txt', Buffer.alloc(0), { accessToken });
  const o = await oss.getObjectDetails(bucketKey, 'empty.txt', { accessToken });
  equal(o.size, 0, 'size');
});
await check('oss: list objects', async () => {
  const all = await oss.getObjects(bucketKey, { accessToken });
  equal(all.items.map((o) => o.objectKey).sort().join(), 'empty.txt,folder/plan.dwg,large model.rvt', 'keys');
  const some = await oss.getObjects(bucketKey, { beginsWith: 'folder/', accessToken });
  equal(some.items.map((o) => o.objectKey).join(), 'folder/plan.dwg', 'keys with the prefix');
  equal(some.items[0].size, small.length, 'size');
});
await check('oss: delete objects', async () => {
  for (const key of ['empty.txt', 'folder/plan.dwg', 'large model.rvt']) await oss.deleteObject(bucketKey, key, { accessToken });
  const all = await oss.getObjects(bucketKey, { accessToken });
  equal(all.items.length, 0, 'objects left');
});
await check('oss: details of a deleted object answer 404', async () => {
  const error = await oss.getObjectDetails(bucketKey, 'empty.txt', { accessToken }).then(() => undefined, (e) => e);
  equal(error?.axiosError?.response?.status, 404, 'status');
});
await check('oss: delete bucket', async () => {
  await oss.deleteBucket(bucketKey, { accessToken });
});

await objects({ oss, accessToken, unique, scratch });

// Data management.
const hub = await check('data management: hubs', async () => {
  const hubs = await dm.getHubs({ accessToken });
  return truth(hubs.data.find((h) => h.attributes.name === hubName), `hub ${hubName}`);
});
await check('data management: hub', async () => {
  const h = await dm.getHub(hub.id, { accessToken });
  equal(h.data.attributes.name, hubName, 'name');
});
const project = await check('data management: projects', async () => {
  const projects = await dm.getHubProjects(hub.id, { accessToken });
  return truth(projects.data.find((p) => p.attributes.name === projectName), `project ${projectName}`);
});
await check('data management: project', async () => {
  const p = await dm.getProject(hub.id, project.id, { accessToken });
  equal(p.data.attributes.name, projectName, 'name');
});
const topFolder = await check('data management: top folders', async () => {
  const folders = await dm.getProjectTopFolders(hub.id, project.id, { accessToken });
  return truth(folders.data.find((f) => (f.attributes.displayName ?? f.attributes.name) === folderName), `folder ${folderName}`);
});
const folder = await check('data management: create folder', async () => {
  const f = await dm.createFolder(project.id, {
    jsonapi: { version: '1.0' },
    data: {
      type: 'folders',
      attributes: { name: `SDK ${unique}`, extension: { type: 'folders:autodesk.bim360:Folder', version: '1.0' } },
      relationships: { parent: { data: { type: 'folders', id: topFolder.id } } },
    },
  }, { accessToken });
  return truth(f.data, 'folder');
});
await check('data management: folder', async () => {
  const f = await dm.getFolder(project.id, folder.id, { accessToken });
  equal(f.data.attributes.name, `SDK ${unique}`, 'name');
});

const name = 'Ebene 0 – Grundriss.dwg';
async function store(bytes, target = folder.id) {
  const s = await dm.createStorage(project.id, {
    jsonapi: { version: '1.0' },
    data: {
      type: 'objects',
      attributes: { name },
      relationships: { target: { data: { type: 'folders', id: target } } },
    },
  }, { accessToken });
  const [, bucket, key] = /^urn:adsk\.objects:os\.object:([-_.a-z0-9]{3,128})\/(.+)$/.exec(s.data.id);
  await oss.uploadObject(bucket, key, bytes, { accessToken });
  return { id: s.data.id, bucket, key };
}
const first = crypto.randomBytes(1 << 20);
const second = crypto.randomBytes(2 << 20);
const storage = await check('data management: storage, uploaded', () => store(first));
const item = await check('data management: create item', async () => {
  const made = await dm.createItem(project.id, {
    jsonapi: { version: '1.0' },
    data: {
      type: 'items',
      attributes: { displayName: name, extension: { type: 'items:autodesk.bim360:File', version: '1.0' } },
      relationships: {
        tip: { data: { type: 'versions', id: '1' } },
        parent: { data: { type: 'folders', id: folder.id } },
      },
    },
    included: [{
      type: 'versions',
      id: '1',
      attributes: { name, extension: { type: 'versions:autodesk.bim360:File', version: '1.0' } },
      relationships: { storage: { data: { type: 'objects', id: storage.id } } },
    }],
  }, { accessToken });
  return truth(made.data, 'item');
});
await check('data management: the same name again answers 409', async () => {
  const error = await dm.createItem(project.id, {
    jsonapi: { version: '1.0' },
    data: {
      type: 'items',
      attributes: { displayName: name, extension: { type: 'items:autodesk.bim360:File', version: '1.0' } },
      relationships: { tip: { data: { type: 'versions', id: '1' } }, parent: { data: { type: 'folders', id: folder.id } } },
    },
    included: [{
      type: 'versions', id: '1',
      attributes: { name, extension: { type: 'versions:autodesk.bim360:File', version: '1.0' } },
      relationships: { storage: { data: { type: 'objects', id: storage.id } } },
    }],
  }, { accessToken }).then(() => undefined, (e) => e);
  equal(error?.axiosError?.response?.status, 409, 'status');
});
await check('data management: item', async () => {
  const i = await dm.getItem(project.id, item.id, { accessToken });
  equal(i.data.attributes.displayName, name, 'displayName');
});
const version = await check('data management: create version', async () => {
  const next = await store(second);
  const v = await dm.createVersion(project.id, {
    jsonapi: { version: '1.0' },
    data: {
      type: 'versions',
      attributes: { name, extension: { type: 'versions:autodesk.bim360:File', version: '1.0' } },
      relationships: {
        item: { data: { type: 'items', id: item.id } },
        storage: { data: { type: 'objects', id: next.id } },
      },
    },
  }, { accessToken });
  equal(v.data.attributes.versionNumber, 2, 'versionNumber');
  return v.data;
});
await check('data management: version', async () => {
  const v = await dm.getVersion(project.id, version.id, { accessToken });
  equal(v.data.attributes.versionNumber, 2, 'versionNumber');
  equal(v.data.attributes.storageSize, second.length, 'storageSize');
});
await check('data management: tip', async () => {
  const tip = await dm.getItemTip(project.id, item.id, { accessToken });
  equal(tip.data.id, version.id, 'id');
});
await check('data management: versions', async () => {
  const versions = await dm.getItemVersions(project.id, item.id, { accessToken });
  equal(versions.data.map((v) => v.attributes.versionNumber).sort().join(), '1,2', 'numbers');
});
await check('data management: a version\'s bytes', async () => {
  const v = await dm.getVersion(project.id, version.id, { accessToken });
  const [, bucket, key] = /^urn:adsk\.objects:os\.object:([^/]+)\/(.+)$/.exec(v.data.relationships.storage.data.id);
  const d = await oss.signedS3Download(bucket, key, { accessToken });
  const answer = await fetch(d.url);
  truth(Buffer.from(await answer.arrayBuffer()).equals(second), 'the same bytes');
});
await check('data management: folder contents', async () => {
  const contents = await dm.getFolderContents(project.id, folder.id, { accessToken });
  equal(contents.data.length, 1, 'entries');
  equal(contents.data[0].id, item.id, 'id');
  equal(contents.included[0].id, version.id, 'tip in included');
});
await check('data management: search', async () => {
  const found = await dm.getFolderSearch(project.id, topFolder.id, { filterFieldName: 'displayName', filterValue: [name], accessToken });
  truth(found.included?.some((i) => i.id === item.id) || found.data?.some((v) => v.id === version.id), 'the drawing among the results');
});
await check('data management: download formats and downloads', async () => {
  const formats = await dm.getVersionDownloadFormats(project.id, version.id, { accessToken });
  truth(formats.data, 'formats');
  const downloads = await dm.getVersionDownloads(project.id, version.id, { accessToken });
  truth(Array.isArray(downloads.data), 'downloads');
});
await check('data management: describe an item', async () => {
  const i = await dm.patchItem(project.id, item.id, {
    jsonapi: { version: '1.0' },
    data: { type: 'items', id: item.id, attributes: { extension: { data: { description: 'checked' } } } },
  }, { accessToken });
  equal(i.data.id, item.id, 'id');
});
await check('data management: rename by a version made from the tip', async () => {
  const v = await dm.createVersion(project.id, {
    jsonapi: { version: '1.0' },
    data: { type: 'versions', attributes: { name: 'renamed.dwg' }, relationships: { item: { data: { type: 'items', id: item.id } } } },
  }, { copyFrom: version.id, accessToken });
  equal(v.data.attributes.versionNumber, 3, 'versionNumber');
  const i = await dm.getItem(project.id, item.id, { accessToken });
  equal(i.data.attributes.displayName, 'renamed.dwg', 'displayName');
});
const versions = (await dm.getItemVersions(project.id, item.id, { accessToken })).data;
await relations({ dm, accessToken, hub, project, topFolder, item, version, other: versions.at(-1) });
await check('data management: hide a folder', async () => {
  await dm.patchFolder(project.id, folder.id, {
    jsonapi: { version: '1.0' },
    data: { type: 'folders', id: folder.id, attributes: { hidden: true } },
  }, { accessToken });
  const contents = await dm.getFolderContents(project.id, topFolder.id, { accessToken });
  truth(!contents.data.some((f) => f.id === folder.id), 'the folder is out of the listing');
});

// Account administration. Two-legged calls that need a person name one: an administrator of the account.
const accountId = hub.id.replace(/^b\./, '');
const projectId = project.id.replace(/^b\./, '');
const adminToken = (await authentication.getTwoLeggedToken(clientId, clientSecret, ['account:read', 'account:write'])).access_token;
const users = await check('account administration: users', async () => {
  const list = await admin.getUsers(accountId, { limit: 100, accessToken: adminToken });
  truth(list.length > 0 && list.every((u) => u.id && u.email), 'users with id and e-mail');
  return list;
});
const bimProjectId = (await dm.getHubProjects(hub.id, { accessToken })).data
  .find((p) => p.attributes.extension.data.projectType === 'BIM360').id.replace(/^b\./, '');
const adminUserId = users.find((u) => u.role === 'account_admin').uid;
const newUser = await check('account administration: create user', async () => {
  const u = await admin.createUser(accountId, { email: `ana.${unique}@example.com`, first_name: 'Ana', last_name: 'Lima' }, { accessToken: adminToken });
  equal(u.email, `ana.${unique}@example.com`, 'email');
  return u;
});
await check('account administration: user', async () => {
  const u = await admin.getUser(accountId, newUser.id, { accessToken: adminToken });
  equal(u.id, newUser.id, 'id');
});
await check('account administration: search users', async () => {
  const found = await admin.searchUsers(accountId, { email: `ana.${unique}@example.com`, accessToken: adminToken });
  equal(found.map((u) => u.id).join(), newUser.id, 'ids');
});
await check('account administration: update user', async () => {
  const active = users.find((u) => u.status === 'active' && u.role !== 'account_admin');
  const u = await admin.patchUserDetails(accountId, active.id, { status: 'active' }, { accessToken: adminToken });
  equal(u.id, active.id, 'id');
});
await check('account administration: companies', async () => {
  const list = await admin.getCompanies(accountId, { accessToken: adminToken });
  truth(Array.isArray(list), 'an array');
});
await check('account administration: business units', async () => {
  const before = await admin.getBusinessUnits(accountId, { accessToken: adminToken });
  const keep = (before.business_units ?? []).map(({ id, parent_id, name, description }) => ({ id, parent_id, name, description }));
  const after = await admin.createBusinessUnits(accountId, { business_units: [...keep, { id: crypto.randomUUID(), name: `Unit ${unique}` }] }, { accessToken: adminToken });
  equal(after.business_units.length, keep.length + 1, 'units');
});
await check('account administration: projects', async () => {
  const list = await admin.getProjects(accountId, { accessToken: adminToken });
  truth(list.results.some((p) => p.id === projectId), 'the project in the list');
  truth(list.pagination.totalResults >= list.results.length, 'pagination');
});
await check('account administration: create project', async () => {
  const p = await admin.createProject(accountId, { name: `SDK ${unique}`, type: 'Office' }, { adminUserId, accessToken: adminToken });
  const seen = await admin.getProject(p.id, { accessToken: adminToken });
  equal(seen.name, `SDK ${unique}`, 'name');
});
const member = await check('account administration: add project user', async () => {
  const u = await admin.assignProjectUser(projectId, { email: newUser.email, products: [{ key: 'docs', access: 'member' }] }, { adminUserId, accessToken: adminToken });
  return truth(u, 'member');
});
await check('account administration: project users', async () => {
  const list = await admin.getProjectUsers(projectId, { filterEmail: newUser.email, accessToken: adminToken });
  equal(list.results.map((u) => u.email).join(), newUser.email, 'e-mails');
});
await check('account administration: update and remove project user', async () => {
  await admin.updateProjectUser(projectId, member.id, { products: [{ key: 'docs', access: 'administrator' }] }, { adminUserId, accessToken: adminToken });
  const u = await admin.getProjectUser(projectId, member.id, { accessToken: adminToken });
  equal(u.products.find((p) => p.key === 'docs').access, 'administrator', 'access');
  await admin.removeProjectUser(projectId, member.id, { adminUserId, accessToken: adminToken });
});

await companies({ admin, adminToken, accountId, projectId, bimProjectId, adminUserId, unique, user: newUser.id });

// Webhooks, for which there is no SDK: plain HTTP as the specification writes it, up to a signed callback.
async function hooks(method, where, body) {
  return fetch(new URL(`webhooks/v1/${where}`, base), {
    method,
    headers: { Authorization: `Bearer ${accessToken}`, ...(body && { 'Content-Type': 'application/json' }) },
    body: body && JSON.stringify(body),
  });
}
const calls = [];
let called;
const receiver = http.createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    calls.push({ headers: request.headers, body: Buffer.concat(chunks) });
    response.writeHead(200).end();
    called?.();
  });
});
await new Promise((resolve) => receiver.listen(0, '127.0.0.1', resolve));
const callbackUrl = `http://127.0.0.1:${receiver.address().port}/called`;
const secret = crypto.randomBytes(20).toString('hex');
const hookBody = { callbackUrl, scope: { folder: topFolder.id }, hookAttribute: { project: projectId } };
const event = 'systems/data/events/dm.version.added/hooks';
await check('webhooks: secret token', async () => {
  equal((await hooks('POST', 'tokens', { token: secret })).status, 200, 'status');
});
const hookId = await check('webhooks: create', async () => {
  const answer = await hooks('POST', event, hookBody);
  equal(answer.status, 201, 'status');
  return truth(answer.headers.get('location'), 'location').split('/').at(-1);
});
await check('webhooks: the same again answers 409', async () => {
  equal((await hooks('POST', event, hookBody)).status, 409, 'status');
});
await check('webhooks: get', async () => {
  const hook = await (await hooks('GET', `${event}/${hookId}`)).json();
  equal(hook.hookId, hookId, 'hookId');
  equal(hook.callbackUrl, callbackUrl, 'callbackUrl');
});
await check('webhooks: update', async () => {
  equal((await hooks('PATCH', `${event}/${hookId}`, { autoReactivateHook: true })).status, 200, 'status');
});
await check('webhooks: lists', async () => {
  for (const where of ['hooks', 'systems/data/hooks', event]) {
    const list = await (await hooks('GET', where)).json();
    truth(list.data.some((h) => h.hookId === hookId), `the hook in ${where}`);
  }
});
await check('webhooks: a new version calls back, signed', async () => {
  const arrived = new Promise((resolve, reject) => {
    called = resolve;
    setTimeout(() => reject(new Error('no callback within 20 s')), 20000).unref();
  });
  const stored = await store(first, topFolder.id);
  await dm.createItem(project.id, {
    jsonapi: { version: '1.0' },
    data: {
      type: 'items',
      attributes: { displayName: `hooked ${unique}.dwg`, extension: { type: 'items:autodesk.bim360:File', version: '1.0' } },
      relationships: { tip: { data: { type: 'versions', id: '1' } }, parent: { data: { type: 'folders', id: topFolder.id } } },
    },
    included: [{
      type: 'versions', id: '1',
      attributes: { name: `hooked ${unique}.dwg`, extension: { type: 'versions:autodesk.bim360:File', version: '1.0' } },
      relationships: { storage: { data: { type: 'objects', id: stored.id } } },
    }],
  }, { accessToken });
  await arrived;
  const { headers, body } = calls[0];
  equal(headers['x-adsk-signature'], 'sha1hash=' + crypto.createHmac('sha1', secret).update(body).digest('hex'), 'signature');
  equal(JSON.parse(body).payload.name, `hooked ${unique}.dwg`, 'name');
});
await check('webhooks: delete', async () => {
  equal((await hooks('DELETE', `${event}/${hookId}`)).status, 204, 'status');
  equal((await hooks('GET', `${event}/${hookId}`)).status, 404, 'status afterwards');
});
receiver.close();

await everyCall();
await forge({ require, base, clientId, clientSecret, hub, project, topFolder, unique, storeWith: store });
await fs.rm(scratch, { recursive: true, force: true });
done();
