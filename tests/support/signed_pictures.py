"""Pictures with content credentials, signed by a certificate that is made here."""

import datetime
import io
import json
from typing import Any

import c2pa
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from PIL import Image as PILImage

from originid.testing import textured_image

ISSUER = "Example Newsroom"
BEGIN, END = datetime.datetime(2020, 1, 1), datetime.datetime(2120, 1, 1)
TRAINED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


def picture() -> bytes:
    """A JPEG without credentials."""
    file = io.BytesIO()
    PILImage.fromarray(textured_image(0)).save(file, "JPEG")
    return file.getvalue()


def signed(
    manifest: dict[str, Any],
    remote: str | None = None,
    data: bytes | None = None,
    kind: str = "jpeg",
    label: str | None = None,
) -> bytes:
    """An image with credentials, or with the address at which they are said to lie.

    Args:
        manifest: what they say.
        remote: the address, if they are not in the file.
        data: the image; otherwise `picture`.
        kind: the last word of its media type.
        label: the identifier of the manifest; otherwise a new one is made.
    """
    chain, key = _certificates()
    signer = c2pa.Signer.from_info(c2pa.C2paSignerInfo(b"es256", chain, key, None))
    settings = {
        "builder": {"thumbnail": {"enabled": False}},
        "verify": {"verify_after_sign": False},
    }
    builder = c2pa.Builder.from_json(
        json.dumps(manifest | ({"label": label} if label else {})), c2pa.Context.from_dict(settings)
    )
    if remote:
        builder.set_no_embed()
        builder.set_remote_url(remote)
    out = io.BytesIO()
    builder.sign(signer, f"image/{kind}", io.BytesIO(data or picture()), out)
    return out.getvalue()


def generated(title: str) -> dict[str, Any]:
    """A manifest which says that a model made the picture."""
    actions = [
        {"action": "c2pa.created", "digitalSourceType": TRAINED},
        {"action": "c2pa.edited"},
    ]
    return {
        "claim_generator_info": [{"name": "Test editor", "version": "1.0"}],
        "title": title,
        "assertions": [{"label": "c2pa.actions", "data": {"actions": actions}}],
    }


def _name(common: str) -> x509.Name:
    words = {NameOID.COUNTRY_NAME: "DE", NameOID.ORGANIZATION_NAME: ISSUER}
    words |= {NameOID.COMMON_NAME: common}
    return x509.Name([x509.NameAttribute(oid, text) for oid, text in words.items()])


def _certificates() -> tuple[bytes, bytes]:
    """A chain of a signer and its root, and the signer's key."""
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    of_root = x509.SubjectKeyIdentifier.from_public_key(root_key.public_key())
    root = (
        _certificate("Test root", root_key, signs=True)
        .add_extension(of_root, critical=False)
        .sign(root_key, hashes.SHA256())
    )
    leaf = (
        _certificate("Test signer", key, signs=False)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(of_root), critical=False
        )
        .sign(root_key, hashes.SHA256())
    )
    chain = b"".join(each.public_bytes(serialization.Encoding.PEM) for each in (leaf, root))
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return chain, secret


def _certificate(
    common: str, key: ec.EllipticCurvePrivateKey, signs: bool
) -> x509.CertificateBuilder:
    usage = x509.KeyUsage(True, False, False, False, False, signs, signs, False, False)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(common))
        .issuer_name(_name("Test root"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(BEGIN)
        .not_valid_after(END)
        .add_extension(x509.BasicConstraints(signs, None), critical=True)
        .add_extension(usage, critical=True)
    )
