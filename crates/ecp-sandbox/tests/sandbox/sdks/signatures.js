// Prints the SDK's signature of each document, a JSON text a line.
const fs = require('fs');
const sign = require('ecommpay/src/signer');

for (const line of fs.readFileSync(0, 'utf8').trim().split('\n')) {
  console.log(sign(JSON.parse(JSON.parse(line)), process.argv[2]));
}
