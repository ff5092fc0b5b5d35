"""A web server on this machine that misbehaves in ways the tests choose."""

import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class FileServer:
    """Serves `files` (path -> bytes) with Range, If-Range and ETag. `scripts` (path -> list of behaviours)
    is used up one behaviour a request; what comes after the last is served in order. A behaviour is a
    dictionary:

    status       answer with this status instead, without the file
    location     with a 3xx: where to
    cut          close the connection after so many bytes of the body
    stall        send so many bytes of the body, then nothing until the test is over
    ignore_range send the whole file whatever is asked for
    ignore_if_range  send the part although the file is another one now
    no_length    do not tell the length
    lie          tell this Content-Length
    etag         this ETag instead (None: none)
    hold         an Event: wait for it before the body is sent
    began        an Event: set when the first half of the body is sent; then waits for `hold`
    """

    context = None  # of TLS

    def __init__(self, files=None):
        self.files = dict(files or {})
        self.scripts = {}
        self.requests = []  # (path, headers)
        self.over = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer.serve(self)

            def end_headers(self):
                # A client that is not told may ask again just as the connection is closed.
                self.send_header("Connection", "close")
                super().end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if self.context:
            self.server.socket = self.context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def close(self):
        self.over.set()
        self.server.shutdown()
        self.server.server_close()

    def ranges(self, path):
        """The Range headers of the requests for a path."""
        return [headers.get("Range") for asked, headers in self.requests if asked == path]

    def serve(self, handler):
        path = handler.path
        self.requests.append((path, dict(handler.headers)))
        script = self.scripts.get(path, [])
        how = script.pop(0) if script else {}
        handler.close_connection = True
        if "status" in how:
            handler.send_response(how["status"])
            if "location" in how:
                handler.send_header("Location", how["location"])
            body = b"<html>not the file</html>"
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)
            return
        # A proxy is asked for whole addresses.
        name = path.split("/", 3)[-1] if path.startswith("http") else path.lstrip("/")
        data = self.files.get(name)
        if data is None:
            handler.send_error(404)
            return
        etag = how.get("etag", '"v1"')
        asked = handler.headers.get("Range")
        if_range = handler.headers.get("If-Range")
        first = 0
        if asked and not how.get("ignore_range") and (
                if_range in (None, etag) or how.get("ignore_if_range")):
            first = int(asked.removeprefix("bytes=").removesuffix("-"))
        if first and first >= len(data):
            handler.send_response(416)
            handler.send_header("Content-Range", f"bytes */{len(data)}")
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        body = data[first:]
        handler.send_response(206 if first else 200)
        if first:
            handler.send_header("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")
        if etag:
            handler.send_header("ETag", etag)
        if not how.get("no_length"):
            handler.send_header("Content-Length", str(how.get("lie", len(body))))
        handler.end_headers()
        try:
            if "hold" in how and "began" not in how:
                how["hold"].wait()
            if "began" in how:
                half = len(body) // 2
                handler.wfile.write(body[:half])
                handler.wfile.flush()
                how["began"].set()
                how["hold"].wait()
                body = body[half:]
            if "stall" in how:
                handler.wfile.write(body[:how["stall"]])
                handler.wfile.flush()
                self.over.wait()
                return
            handler.wfile.write(body[:how["cut"]] if "cut" in how else body)
        except (BrokenPipeError, ConnectionResetError):
            pass


class SecureServer(FileServer):
    """The same over TLS, with a certificate of its own that nobody trusts."""

    def __init__(self, folder, files=None):
        self.certificate = folder / "certificate.pem"
        key = folder / "key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", key,
                        "-out", self.certificate, "-subj", "/CN=127.0.0.1", "-addext",
                        "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, key)
        self.context = context
        super().__init__(files)

    @property
    def url(self):
        return super().url.replace("http:", "https:")
