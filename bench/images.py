#!/usr/bin/env python3
"""Pushes COUNT images, each into a repository of its own, and prints their references by digest, one a line.

    images.py HOST:PORT COUNT
"""
import hashlib, http.client, json, sys

MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def main():
    host, count = sys.argv[1], int(sys.argv[2])
    connection = http.client.HTTPConnection(host)
    for number in range(count):
        repository = f"bench/image-{number}"
        config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Labels": {"number": str(number)}}})
        layer = b"a layer"
        manifest = json.dumps({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": push_blob(connection, repository, "application/vnd.oci.image.config.v1+json", config.encode()),
            "layers": [push_blob(connection, repository, "application/vnd.oci.image.layer.v1.tar", layer)],
        }).encode()
        ask(connection, "PUT", f"/v2/{repository}/manifests/v1", manifest, MANIFEST)
        print(f"{host}/{repository}@{digest(manifest)}")


def push_blob(connection, repository, media_type, blob):
    location = ask(connection, "POST", f"/v2/{repository}/blobs/uploads/", b"", "").split("/", 3)[3]
    ask(connection, "PUT", f"/{location}&digest={digest(blob)}", blob, "application/octet-stream")
    return {"mediaType": media_type, "digest": digest(blob), "size": len(blob)}


def ask(connection, method, path, body, content_type):
    """Says where the answer points."""
    connection.request(method, path, body, {"Content-Type": content_type})
    answer = connection.getresponse()
    text = answer.read()
    if answer.status not in (201, 202):
        sys.exit(f"{method} {path}: {answer.status} {text.decode(errors='replace')}")
    return answer.headers["Location"]


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


if __name__ == "__main__":
    main()
