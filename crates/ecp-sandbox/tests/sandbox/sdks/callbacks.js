// Says of each callback, a JSON text a line, whether the SDK takes it.
const fs = require('fs');
const { Callback } = require('ecommpay');

for (const line of fs.readFileSync(0, 'utf8').trim().split('\n')) {
  try {
    new Callback(process.argv[2], JSON.parse(line));
    console.log('genuine');
  } catch (error) {
    console.log(error.name);
  }
}
