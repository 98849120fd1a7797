#!/usr/bin/env node
// Asks a service for its state a few times and prints it.
const http = require('http');
const [host, port] = process.argv.slice(2);
let left = 4;
(function ask() {
  http.get({ host, port, path: '/health' }, r => { r.resume(); r.on('end', () => { if (--left) setTimeout(ask, 1500); else console.log('up'); }); });
})();
