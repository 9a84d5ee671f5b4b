import { rm } from 'node:fs/promises';
import { execa } from 'execa';
import { buildWorkflowBundle } from '../worker/bundle.ts';

// `npm run build`: what the npm package consists of, in dist/: JavaScript with types, and the workflow code as one file.

await rm('dist', { recursive: true, force: true });
const { exitCode } = await execa('tsc', ['-p', 'tsconfig.build.json'], {
  preferLocal: true,
  reject: false,
  stdout: process.stderr,
  stderr: process.stderr,
});
if (exitCode === 0) await buildWorkflowBundle('dist/workflow-bundle.js');
else process.exitCode = 1;
