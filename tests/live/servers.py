#!/usr/bin/env python3
"""The world outside of the container: a web server with a program, and a "pool" that hangs up on everybody.

Prints "ready" when both listen. The pool never sends a byte, so nobody can be given work by it.
"""
import argparse
import functools
import http.server
import socket
import threading


def address(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)


def hang_up(listener):
    while True:
        connection, _ = listener.accept()
        connection.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--http", type=address, required=True)
    parser.add_argument("--directory", required=True)
    parser.add_argument("--pool", type=address, required=True)
    arguments = parser.parse_args()
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=arguments.directory)
    web = http.server.ThreadingHTTPServer(arguments.http, handler)
    pool = socket.create_server(arguments.pool)
    threading.Thread(target=hang_up, args=(pool,), daemon=True).start()
    print("ready", flush=True)
    web.serve_forever()


main()
