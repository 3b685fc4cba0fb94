// Prints the address that the SDK makes of each case, a line of JSON each.
const fs = require('fs');
const { Payment } = require('ecommpay');

const [key, host] = process.argv.slice(2);
for (const line of fs.readFileSync(0, 'utf8').trim().split('\n')) {
  const { project_id: project, ...values } = JSON.parse(line);
  const payment = new Payment(project, key, {}, host);
  for (const [name, value] of Object.entries(values)) {
    payment[name] = value;
  }
  console.log(payment.getUrl());
}
