// The calls of the current SDKs beside those that transfers need: sign-in of a user, discovery, relations, conversions,
// commands, copies, signed resources, companies and a user's projects.

import fs from 'node:fs/promises';
import path from 'node:path';

import { check, equal, limit, truth } from './check.mjs';

limit('authentication: user info', 'its address is fixed in the SDK, whatever the base address');

const redirect = 'http://localhost:8080/callback';

export async function signIn({ authentication, clientId, clientSecret }) {
  const user = await check('authentication: sign-in of a user', async () => {
    const page = authentication.authorize(clientId, 'code', redirect, ['data:read', 'user-profile:read'], { state: 'x' });
    const answer = await fetch(page, { redirect: 'manual' });
    equal(answer.status, 302, 'status');
    const code = new URL(answer.headers.get('location')).searchParams.get('code');
    const t = await authentication.getThreeLeggedToken(clientId, truth(code, 'code'), redirect, { clientSecret });
    truth(t.refresh_token, 'refresh_token');
    return t;
  });
  await check('authentication: user info', () => {
    throw new Error('not asked'); // it would reach the real service
  });
  const next = await check('authentication: refresh', async () => {
    const t = await authentication.refreshToken(user.refresh_token, clientId, { clientSecret });
    truth(t.access_token && t.refresh_token !== user.refresh_token, 'new tokens');
    return t;
  });
  await check('authentication: introspection', async () => {
    const i = await authentication.introspectToken(next.access_token, clientId, { clientSecret });
    equal(i.active, true, 'active');
    equal(i.client_id, clientId, 'client_id');
    truth(i.userid && i.exp, 'userid and exp');
  });
  await check('authentication: keys and discovery', async () => {
    const keys = await authentication.getKeys();
    truth(keys.keys.length > 0 && keys.keys[0].kty === 'RSA', 'an RSA key');
    const spec = await authentication.getOidcSpec();
    truth(spec.token_endpoint.endsWith('/authentication/v2/token'), 'token_endpoint');
  });
  await check('authentication: logout', async () => {
    const answer = await fetch(authentication.logout({ postLogoutRedirectUri: 'https://example.com/out' }), { redirect: 'manual' });
    equal(answer.headers.get('location'), 'https://example.com/out', 'location');
  });
  await check('authentication: revocation', async () => {
    await authentication.revoke(next.access_token, clientId, 'access_token', { clientSecret });
    equal((await authentication.introspectToken(next.access_token, clientId, { clientSecret })).active, false, 'active');
  });
}

export async function objects({ oss, accessToken, unique, scratch }) {
  const bucketKey = `interop-rest-${unique}`;
  await check('oss: batch upload', async () => {
    await oss.createBucket('US', { bucketKey, policyKey: 'transient' }, { accessToken });
    const up = await oss.batchSignedS3Upload(bucketKey, { requests: [{ objectKey: 'one' }] }, { accessToken });
    const { uploadKey, urls } = up.results.one;
    equal((await fetch(urls[0], { method: 'PUT', body: 'first' })).status, 200, 'status of S3');
    const done = await oss.batchCompleteUpload(bucketKey, { requests: [{ objectKey: 'one', uploadKey }] }, { accessToken });
    equal(done.results.one.size, 5, 'size');
    const down = await oss.batchSignedS3Download(bucketKey, { requests: [{ objectKey: 'one' }] }, { accessToken });
    equal(await (await fetch(down.results.one.url)).text(), 'first', 'bytes');
  });
  await check('oss: single upload by hand', async () => {
    const up = await oss.signedS3Upload(bucketKey, 'two', { accessToken });
    await fetch(up.urls[0], { method: 'PUT', body: 'second' });
    const o = await oss.completeSignedS3Upload(bucketKey, 'two', 'application/json', { uploadKey: up.uploadKey }, { accessToken });
    equal(o.content?.size ?? o.size, 6, 'size');
  });
  await check('oss: asynchronous helpers', async () => {
    await oss.uploadObjectAsync(bucketKey, 'three', Buffer.from('third'), { accessToken });
    await oss.downloadObjectAsync(bucketKey, 'three', path.join(scratch, 'three'), { accessToken });
    for (let tries = 0; tries < 200; tries++) { // the SDK returns before the file is written
      if ((await fs.readFile(path.join(scratch, 'three'), 'utf8').catch(() => '')) === 'third') return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error('the file is not what was sent');
  });
  await check('oss: copy', async () => {
    const o = await oss.copyTo(bucketKey, 'one', 'copy', { accessToken });
    equal(o.size, 5, 'size');
  });
  const hash = await check('oss: signed resource', async () => {
    const made = await oss.createSignedResource(bucketKey, 'one', { access: 'ReadWrite', accessToken });
    equal(await (await fetch(made.signedUrl)).text(), 'first', 'bytes');
    return new URL(made.signedUrl).pathname.split('/').at(-1);
  });
  await check('oss: get, put and delete by a signed resource', async () => {
    truth(await oss.getSignedResource(hash, { accessToken }), 'bytes');
    const o = await oss.uploadSignedResource(hash, 'body=written'.length, 'written', { accessToken });
    equal(o.size, 'body=written'.length, 'size'); // the SDK sends the bytes as a form
    const part = await oss.uploadSignedResourcesChunk(hash, 'bytes 0-11/12', 'session', 'written', { accessToken });
    truth(part, 'answer');
    await oss.deleteSignedResource(hash, { accessToken });
    const error = await oss.getSignedResource(hash, { accessToken }).then(() => undefined, (e) => e);
    equal(error?.axiosError?.response?.status, 404, 'status afterwards');
  });
  await oss.deleteBucket(bucketKey, { accessToken });
}

export async function relations({ dm, accessToken, hub, project, topFolder, item, version, other }) {
  const at = { accessToken };
  await check('data management: hub of a project', async () => {
    equal((await dm.getProjectHub(hub.id, project.id, at)).data.id, hub.id, 'id');
  });
  await check('data management: parents', async () => {
    truth((await dm.getFolderParent(project.id, topFolder.id, at)).data.id, 'parent of a folder');
    truth((await dm.getItemParentFolder(project.id, item.id, at)).data.id, 'parent of an item');
    equal((await dm.getVersionItem(project.id, version.id, at)).data.id, item.id, 'item of a version');
  });
  const body = {
    jsonapi: { version: '1.0' },
    data: { type: 'versions', id: other.id, meta: { extension: { type: 'auxiliary:autodesk.core:Attachment', version: '1.0' } } },
  };
  await check('data management: relations', async () => {
    await dm.createFolderRelationshipsRef(topFolder.id, project.id, body, at);
    await dm.createItemRelationshipsRef(project.id, item.id, body, at);
    await dm.createVersionRelationshipsRef(project.id, version.id, body, at);
    for (const refs of [await dm.getFolderRelationshipsRefs(topFolder.id, project.id, at),
      await dm.getItemRelationshipsRefs(project.id, item.id, at), await dm.getVersionRelationshipsRefs(project.id, version.id, at)]) {
      equal(refs.data[0].id, other.id, 'related id');
      equal(refs.data[0].meta.refType, 'auxiliary', 'refType');
    }
    for (const refs of [await dm.getFolderRefs(project.id, topFolder.id, at),
      await dm.getItemRefs(project.id, item.id, at), await dm.getVersionRefs(project.id, version.id, at)]) {
      equal(refs.data[0].id, other.id, 'related resource');
    }
  });
  await check('data management: links', async () => {
    for (const links of [await dm.getFolderRelationshipsLinks(project.id, topFolder.id, at),
      await dm.getItemRelationshipsLinks(project.id, item.id, at), await dm.getVersionRelationshipsLinks(project.id, version.id, at)]) {
      truth(Array.isArray(links.data), 'a list');
    }
  });
  await check('data management: a version of ACC is not changed in place', async () => {
    const error = await dm.patchVersion(project.id, version.id,
      { jsonapi: { version: '1.0' }, data: { type: 'versions', id: version.id, attributes: { name: 'x.dwg' } } }, at)
      .then(() => undefined, (e) => e);
    equal(error?.axiosError?.response?.status, 400, 'status');
  });
  await check('data management: conversion', async () => {
    const job = await dm.createDownload(project.id, {
      jsonapi: { version: '1.0' },
      data: { type: 'downloads', attributes: { format: { fileType: 'pdf' } }, relationships: { source: { data: { type: 'versions', id: version.id } } } },
    }, at);
    const id = job.data[0].id;
    truth(await dm.getDownloadJob(project.id, id, at), 'job');
    equal((await dm.getDownload(project.id, id, at)).data.attributes.format.fileType, 'pdf', 'fileType');
  });
  const command = (type, resource, data) => ({
    type: 'commands',
    attributes: { extension: { type, version: '1.0.0', ...(data && { data }) } },
    relationships: { resources: { data: [{ type: resource.type, id: resource.id }] } },
  });
  await check('data management: commands', async () => {
    const permission = await dm.executeCheckPermissionCommand(project.id,
      command('commands:autodesk.core:CheckPermission', item, { requiredActions: ['download'] }), at);
    equal(permission.attributes.extension.data.permissions[0].permission, true, 'permission');
    const items = await dm.executeListItemsCommand(project.id, command('commands:autodesk.core:ListItems', item, { includePathInProject: true }), at);
    equal(items.attributes.status, 'complete', 'status');
    await dm.executeListRefsCommand(project.id, command('commands:autodesk.core:ListRefs', version), at);
    const published = await dm.executePublishModelCommand(project.id, command('commands:autodesk.bim360:C4RModelPublish', item), at);
    equal(published.attributes.status, 'committed', 'status');
    await dm.executePublishWithoutLinksCommand(project.id, command('commands:autodesk.bim360:C4RPublishWithoutLinks', item), at);
    await dm.executeGetPublishModelJobCommand(project.id, command('commands:autodesk.bim360:C4RModelGetPublishJob', item), at);
  });
}

export async function companies({ admin, adminToken, accountId, projectId, bimProjectId, adminUserId, unique, user }) {
  const at = { accessToken: adminToken };
  const company = await check('account administration: create company', () => admin.createCompany(accountId, { name: `Roof ${unique}`, trade: 'Electrical' }, at));
  await check('account administration: company', async () => {
    equal((await admin.getCompany(company.id, accountId, at)).name, `Roof ${unique}`, 'name');
    equal((await admin.patchCompanyDetails(company.id, accountId, { city: 'Bern' }, at)).city, 'Bern', 'city');
    const found = await admin.searchCompanies(accountId, { name: `Roof ${unique}`, ...at });
    equal(found.map((c) => c.id).join(), company.id, 'ids');
  });
  await check('account administration: import companies', async () => {
    const got = await admin.importCompanies(accountId, [{ name: `Roof ${unique}`, trade: 'Electrical' }, { name: `Wall ${unique}`, trade: 'Concrete' }], at);
    equal(`${got.success} ${got.failure}`, '1 1', 'success and failure');
  });
  await check('account administration: companies of a project', async () => {
    truth(Array.isArray(await admin.getProjectCompanies(accountId, projectId, at)), 'a list');
  });
  await check('account administration: pictures', async () => {
    const picture = new Blob(['picture'], { type: 'image/png' });
    equal((await admin.patchCompanyImage(company.id, accountId, picture, at)).id, company.id, 'id');
    truth(await admin.createProjectImage(bimProjectId, accountId, picture, at), 'project');
  });
  await check('account administration: import users', async () => {
    const got = await admin.importUsers(accountId, [{ email: `import.${unique}@example.com` }], at);
    equal(got.success, 1, 'success');
    await admin.importProjectUsers(projectId, { users: [{ email: `import.${unique}@example.com`, products: [{ key: 'docs', access: 'member' }] }] },
      { adminUserId, ...at });
  });
  await check('account administration: projects of a user', async () => {
    const list = await admin.getUserProjects(accountId, user, at);
    truth(list.results.every((p) => p.id && p.accessLevels), 'id and accessLevels');
  });
}
