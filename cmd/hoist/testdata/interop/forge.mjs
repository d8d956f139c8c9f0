// The two clients that most programs written before 2024 use: forge-apis and forge-server-utils.

import { check, equal, limit, truth } from './check.mjs';

const retired = 'it sends bytes through the service itself, which the service refuses since 2022';
limit('forge-apis: upload through the service', retired);
limit('forge-apis: download through the service', retired);
limit('forge-server-utils: upload through the service', retired);
limit('forge-server-utils: download through the service', retired);
limit('forge-server-utils: copy', 'it asks for data:write only, and a copy needs data:create too');

export async function forge(context) {
  await apis(context);
  await utils(context);
}

async function apis({ require, base, clientId, clientSecret, hub, project, topFolder, unique }) {
  const Forge = require('forge-apis');
  const host = base.href.replace(/\/$/, '');
  Forge.ApiClient.instance.basePath = host;
  const scopes = ['data:read', 'data:write', 'data:create', 'data:search', 'bucket:create', 'bucket:read', 'bucket:delete'];
  const client = new Forge.AuthClientTwoLegged(clientId, clientSecret, scopes, false);
  client.basePath = host;
  const token = await check('forge-apis: two-legged token', async () => {
    const t = await client.authenticate();
    truth(t.access_token, 'access_token');
    return t;
  });

  const buckets = new Forge.BucketsApi();
  const objects = new Forge.ObjectsApi();
  const bucketKey = `interop-apis-${unique}`;
  await check('forge-apis: buckets', async () => {
    equal((await buckets.createBucket({ bucketKey, policyKey: 'transient' }, {}, client, token)).body.bucketKey, bucketKey, 'bucketKey');
    truth((await buckets.getBuckets({ limit: 100 }, client, token)).body.items.some((b) => b.bucketKey === bucketKey), 'the bucket in the list');
    equal((await buckets.getBucketDetails(bucketKey, client, token)).body.policyKey, 'transient', 'policyKey');
  });
  const bytes = Buffer.from('forge-apis '.repeat(1000));
  await check('forge-apis: upload and download by signed URLs', async () => {
    const up = await objects.uploadResources(bucketKey, [{ objectKey: 'one.bin', data: bytes }], {}, client, token);
    truth(up[0] && !up[0].error, 'the upload without an error');
    const down = await objects.downloadResources(bucketKey, [{ objectKey: 'one.bin', responseType: 'arraybuffer' }], {}, client, token);
    truth(Buffer.from(down[0].data).equals(bytes), 'the same bytes');
  });
  await check('forge-apis: objects', async () => {
    equal((await objects.getObjects(bucketKey, {}, client, token)).body.items.length, 1, 'objects');
    equal((await objects.getObjectDetails(bucketKey, 'one.bin', {}, client, token)).body.size, bytes.length, 'size');
    equal((await objects.copyTo(bucketKey, 'one.bin', 'two.bin', client, token)).body.objectKey, 'two.bin', 'copy');
    const signed = (await objects.createSignedResource(bucketKey, 'one.bin', {}, { access: 'readwrite' }, client, token)).body.signedUrl;
    const id = new URL(signed).pathname.split('/').at(-1);
    truth((await objects.getSignedResource(id, {}, client, token)).body, 'bytes');
    await objects.uploadSignedResource(id, bytes.length, bytes, {}, client, token);
    await objects.deleteSignedResource(id, {}, client, token);
    await objects.deleteObject(bucketKey, 'two.bin', client, token);
  });
  await check('forge-apis: upload through the service', () => objects.uploadObject(bucketKey, 'old.bin', bytes.length, bytes, {}, client, token));
  await check('forge-apis: download through the service', () => objects.getObject(bucketKey, 'one.bin', {}, client, token));
  await check('forge-apis: delete bucket', () => buckets.deleteBucket(bucketKey, client, token));

  const hubs = new Forge.HubsApi();
  const projects = new Forge.ProjectsApi();
  const folders = new Forge.FoldersApi();
  const items = new Forge.ItemsApi();
  const versions = new Forge.VersionsApi();
  await check('forge-apis: hubs and projects', async () => {
    truth((await hubs.getHubs({}, client, token)).body.data.some((h) => h.id === hub.id), 'the hub in the list');
    equal((await hubs.getHub(hub.id, client, token)).body.data.id, hub.id, 'hub');
    truth((await projects.getHubProjects(hub.id, {}, client, token)).body.data.some((p) => p.id === project.id), 'the project in the list');
    equal((await projects.getProject(hub.id, project.id, client, token)).body.data.id, project.id, 'project');
    equal((await projects.getProjectHub(hub.id, project.id, client, token)).body.data.id, hub.id, 'hub of the project');
    truth((await projects.getProjectTopFolders(hub.id, project.id, client, token)).body.data.length > 0, 'top folders');
  });
  const name = `apis ${unique}.dwg`;
  const item = await check('forge-apis: item', async () => {
    const folder = (await folders.postFolder(project.id, {
      jsonapi: { version: '1.0' },
      data: {
        type: 'folders',
        attributes: { name: `apis ${unique}`, extension: { type: 'folders:autodesk.bim360:Folder', version: '1.0' } },
        relationships: { parent: { data: { type: 'folders', id: topFolder.id } } },
      },
    }, client, token)).body.data;
    const storage = (await projects.postStorage(project.id, {
      jsonapi: { version: '1.0' },
      data: { type: 'objects', attributes: { name }, relationships: { target: { data: { type: 'folders', id: folder.id } } } },
    }, client, token)).body.data.id;
    const [, bucket, key] = /^urn:adsk\.objects:os\.object:([^/]+)\/(.+)$/.exec(storage);
    await objects.uploadResources(bucket, [{ objectKey: key, data: bytes }], {}, client, token);
    const made = await items.postItem(project.id, {
      jsonapi: { version: '1.0' },
      data: {
        type: 'items',
        attributes: { displayName: name, extension: { type: 'items:autodesk.bim360:File', version: '1.0' } },
        relationships: { tip: { data: { type: 'versions', id: '1' } }, parent: { data: { type: 'folders', id: folder.id } } },
      },
      included: [{
        type: 'versions', id: '1',
        attributes: { name, extension: { type: 'versions:autodesk.bim360:File', version: '1.0' } },
        relationships: { storage: { data: { type: 'objects', id: storage } } },
      }],
    }, client, token);
    const contents = (await folders.getFolderContents(project.id, folder.id, {}, client, token)).body;
    equal(contents.data[0].id, made.body.data.id, 'id in the contents');
    equal((await folders.getFolderParent(project.id, folder.id, client, token)).body.data.id, topFolder.id, 'parent');
    return made.body.data;
  });
  await check('forge-apis: item and versions', async () => {
    equal((await items.getItem(project.id, item.id, client, token)).body.data.attributes.displayName, name, 'displayName');
    truth((await items.getItemParentFolder(project.id, item.id, client, token)).body.data.id, 'parent');
    const tip = (await items.getItemTip(project.id, item.id, client, token)).body.data;
    equal((await items.getItemVersions(project.id, item.id, {}, client, token)).body.data[0].id, tip.id, 'first version');
    equal((await versions.getVersion(project.id, tip.id, client, token)).body.data.attributes.storageSize, bytes.length, 'storageSize');
    equal((await versions.getVersionItem(project.id, tip.id, client, token)).body.data.id, item.id, 'item of the version');
    for (const answer of [await items.getItemRefs(project.id, item.id, {}, client, token),
      await versions.getVersionRelationshipsRefs(project.id, tip.id, {}, client, token),
      await versions.getVersionDownloadFormats(project.id, tip.id, {}, client, token)]) {
      truth(answer.body.data, 'data');
    }
    const listed = await new Forge.CommandsApi().listItems(project.id, {
      jsonapi: { version: '1.0' },
      data: {
        type: 'commands', attributes: { extension: { type: 'commands:autodesk.core:ListItems', version: '1.0.0' } },
        relationships: { resources: { data: [{ type: 'items', id: item.id }] } },
      },
    }, {}, client, token);
    equal(listed.body.data.attributes.status, 'complete', 'status');
  });
  await check('forge-apis: webhooks', async () => {
    const hooks = new Forge.WebhooksApi();
    const made = await hooks.CreateSystemHook('data', `https://example.com/${unique}`, { folder: topFolder.id }, {}, client, token);
    truth(made.body.hooks.length > 10, 'a hook an event');
    const { hookId, event } = made.body.hooks[0];
    equal((await hooks.GetHook('data', event, hookId, {}, client, token)).body.hookId, hookId, 'hookId');
    truth((await hooks.GetSystemHooks('data', {}, client, token)).body.data.length >= made.body.hooks.length, 'hooks');
    for (const hook of made.body.hooks) await hooks.DeleteHook('data', hook.event, hook.hookId, {}, client, token);
  });
}

async function utils({ require, base, clientId, clientSecret, hub, project, topFolder, unique, storeWith }) {
  const { AuthenticationClient, BIM360Client, DataManagementClient, WebhooksClient } = require('forge-server-utils');
  const host = base.href.replace(/\/$/, '');
  const auth = { client_id: clientId, client_secret: clientSecret };
  const authentication = new AuthenticationClient(clientId, clientSecret, host);
  const redirect = 'http://localhost:8080/callback';
  await check('forge-server-utils: two-legged token, by the first version of authentication', async () => {
    truth((await authentication.authenticate(['data:read'])).access_token, 'access_token');
  });
  await check('forge-server-utils: sign-in of a user', async () => {
    const answer = await fetch(authentication.getAuthorizeRedirect(['user-profile:read', 'data:read'], redirect), { redirect: 'manual' });
    const code = new URL(answer.headers.get('location')).searchParams.get('code');
    const first = await authentication.getToken(code, redirect);
    const next = await authentication.refreshToken(['user-profile:read', 'data:read'], first.refresh_token);
    truth((await authentication.getUserProfile(next.access_token)).emailId, 'emailId');
  });

  const oss = new DataManagementClient(auth, host);
  const bucket = `interop-utils-${unique}`;
  const bytes = Buffer.from('forge-server-utils');
  await check('forge-server-utils: buckets', async () => {
    equal((await oss.createBucket(bucket, 'transient')).bucketKey, bucket, 'bucketKey');
    truth((await oss.listBuckets()).some((b) => b.bucketKey === bucket), 'the bucket in the list');
    equal((await oss.getBucketDetails(bucket)).policyKey, 'transient', 'policyKey');
  });
  await check('forge-server-utils: upload through the service', () => oss.uploadObject(bucket, 'old', 'application/octet-stream', bytes));
  await check('forge-server-utils: signed resources and objects', async () => {
    const { signedUrl } = await oss.createSignedUrl(bucket, 'one', 'readwrite');
    equal((await fetch(signedUrl, { method: 'PUT', body: bytes })).status, 200, 'status');
    equal((await oss.listObjects(bucket)).map((o) => o.objectKey).join(), 'one', 'keys');
    equal((await oss.getObjectDetails(bucket, 'one')).size, bytes.length, 'size');
  });
  await check('forge-server-utils: copy', () => oss.copyObject(bucket, 'one', 'two'));
  await check('forge-server-utils: download through the service', () => oss.downloadObject(bucket, 'one'));
  await check('forge-server-utils: delete object and bucket', async () => {
    await oss.deleteObject(bucket, 'one');
    await oss.deleteBucket(bucket);
  });

  const bim = new BIM360Client(auth, host);
  await check('forge-server-utils: hubs, projects, folders', async () => {
    truth((await bim.listHubs()).some((h) => h.id === hub.id), 'the hub in the list');
    equal((await bim.getHubDetails(hub.id)).id, hub.id, 'hub');
    truth((await bim.listProjects(hub.id)).some((p) => p.id === project.id), 'the project in the list');
    equal((await bim.getProjectDetails(hub.id, project.id)).id, project.id, 'project');
    truth((await bim.listTopFolders(hub.id, project.id)).length > 0, 'top folders');
    equal((await bim.getFolder(project.id, topFolder.id)).id, topFolder.id, 'folder');
  });
  await check('forge-server-utils: items and versions', async () => {
    const name = `utils ${unique}.dwg`;
    const stored = await storeWith(bytes, topFolder.id);
    const made = await bim.createVersion(project.id, name, topFolder.id, stored.id);
    truth(made, 'the first version');
    const item = (await bim.listContents(project.id, topFolder.id)).find((i) => i.displayName === name);
    equal((await bim.getItemDetails(project.id, item.id)).displayName, name, 'displayName');
    const tip = await bim.getTipVersion(project.id, item.id);
    equal((await bim.listVersions(project.id, item.id)).length, 1, 'versions');
    truth(await bim.getVersionDetails(project.id, item.id, tip.id), 'version');
  });

  const hooks = new WebhooksClient(auth, host);
  await check('forge-server-utils: webhooks', async () => {
    const scope = { folder: topFolder.id };
    const all = await hooks.createHook('data', undefined, { callbackUrl: `https://example.com/utils/${unique}`, scope });
    truth(all.length > 10, 'a hook an event');
    const { hookId, event } = all[0];
    equal((await hooks.getHookDetails('data', event, hookId)).hookId, hookId, 'hookId');
    truth((await hooks.listHooks('data', event)).some((h) => h.hookId === hookId), 'the hook in the list');
    await hooks.updateHook('data', event, hookId, { status: 'inactive' });
    for (const hook of all) await hooks.deleteHook('data', hook.event, hook.hookId);
  });
}
