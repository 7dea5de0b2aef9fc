#!/usr/bin/env python3
"""Pushes COUNT images with signatures in cosign's form and prints their references by digest, one a line.

    signed_images.py HOST:PORT COUNT KEY.pem

cosign itself needs a second for twenty of them; openssl signs the same payload with the same kind of key.
"""
import base64, http.client, json, subprocess, sys

from images import MANIFEST, ask, digest, push_blob

CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
# cosign's media type of a payload, and its annotation for the signature.
PAYLOAD = "application/vnd.dev.cosign.simplesigning.v1+json"
SIGNATURE = "dev.cosignproject.cosign/signature"
REPOSITORIES = 20


def main():
    host, count, key = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    connection = http.client.HTTPConnection(host)
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers"}}).encode()
    repositories = [f"bench/app-{number}" for number in range(min(REPOSITORIES, count))]
    parts = {repository: (push_blob(connection, repository, CONFIG, config),
                          push_blob(connection, repository, LAYER, b"a layer")) for repository in repositories}
    for number in range(count):
        repository = repositories[number % len(repositories)]
        image = push_manifest(connection, repository, f"v{number}", *parts[repository], {"number": str(number)})
        payload = json.dumps({"critical": {"identity": {"docker-reference": f"{host}/{repository}"},
                                           "image": {"docker-manifest-digest": image},
                                           "type": "cosign container image signature"}, "optional": None}).encode()
        layer = push_blob(connection, repository, PAYLOAD, payload)
        layer["annotations"] = {SIGNATURE: base64.b64encode(sign(key, payload)).decode()}
        push_manifest(connection, repository, image.replace(":", "-") + ".sig", parts[repository][0], layer)
        print(f"{host}/{repository}@{image}")


def push_manifest(connection, repository, tag, config, layer, annotations=None):
    """Says its digest."""
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer]}
    body = json.dumps(manifest | ({"annotations": annotations} if annotations else {})).encode()
    ask(connection, "PUT", f"/v2/{repository}/manifests/{tag}", body, MANIFEST)
    return digest(body)


def sign(key, payload):
    return subprocess.run(["openssl", "dgst", "-sha256", "-sign", key], input=payload, stdout=subprocess.PIPE,
                          check=True).stdout


if __name__ == "__main__":
    main()
