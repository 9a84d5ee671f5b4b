import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/** Node built-ins that the workflow sandbox does not have: a bundle that imports one does not load. */
const nodeBuiltIns = [
  'node:*',
  'fs',
  'path',
  'os',
  'crypto',
  'child_process',
  'http',
  'https',
  'net',
  'stream',
  'timers',
];

export default tseslint.config(
  {
    ignores: [
      'dist/**',
      'node_modules/**',
      'test/lab/images/content/**',
      '*.config.js',
      '.dependency-cruiser.cjs',
      'scripts/run.mjs',
    ],
  },
  js.configs.recommended,
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'separate-type-imports' }],
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', ignoreRestSiblings: true }],
      'no-duplicate-imports': ['error', { allowSeparateTypeImports: true }],
      'object-shorthand': 'error',
      complexity: ['error', 12],
      'max-depth': ['error', 3],
      'max-params': ['error', 4],
    },
  },
  {
    // Durable code: what runs in the sandbox must be deterministic and must have no un-timed waits.
    files: ['workflows/**/*.ts', 'release/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [{ group: nodeBuiltIns, message: 'not available in workflow code' }] },
      ],
      'no-restricted-properties': [
        'error',
        { object: 'Math', property: 'random', message: 'randomness enters as an argument' },
        { object: 'crypto', property: 'randomUUID', message: 'randomness enters as an argument' },
      ],
      'no-restricted-globals': ['error', 'setTimeout', 'setInterval', 'fetch', 'process'],
    },
  },
  {
    files: ['release/**/*.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector: "CallExpression[callee.object.name='Date'][callee.property.name='now']",
          message: 'time enters as an argument',
        },
        { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: 'time enters as an argument' },
      ],
    },
  },
  {
    files: ['workflows/**/*.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector: "CallExpression[callee.name='condition'][arguments.length<2]",
          message: 'nothing waits for ever: give condition() a timeout',
        },
        {
          selector:
            "CallExpression[callee.name='condition'] > ArrowFunctionExpression CallExpression:matches([callee.property.name='now'], [callee.name='workflowInfo'])",
          message: 'a condition knows no time: a replay does not see when a refused update woke it',
        },
      ],
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: { '@typescript-eslint/no-non-null-assertion': 'off', 'max-params': 'off' },
  },
  {
    // A simulator answers every kind of step in one place.
    files: ['test/progress/**/*.ts'],
    rules: { complexity: ['error', 24] },
  },
);
