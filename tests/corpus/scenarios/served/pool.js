// The messages of a small pool client; it computes nothing and never gets a job.
const net = require('net');
const [host, port] = process.argv.slice(2);
(function dial() {
  const s = net.connect(port, host, () => s.write('{"id":1,"method":"login","params":{"login":"x","pass":"x"}}\n'));
  const beat = setInterval(() => s.write('{"id":2,"method":"keepalived"}\n'), 1500);
  s.on('error', () => {});
  s.on('close', () => { clearInterval(beat); setTimeout(dial, 2000); });
})();
