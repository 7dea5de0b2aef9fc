//! Packages `crypto/sha256` and `crypto/sha512`.

use sha2::{Digest, Sha224, Sha256, Sha384, Sha512, Sha512_224, Sha512_256};

use super::args::{Args, builtin};
use super::{Builtin, BuiltinError, Member, Value};
use crate::kind::Kind;
use crate::number::Number;

const TEXT: Kind = Kind::BYTES.or(Kind::STRING);

/// The functions of `crypto/sha256`.
pub(super) static SHA256: &[Builtin] = &[
    builtin!("crypto/sha256", "Sum256", [TEXT] => TEXT, |_, args: &Args<'_>| digest::<Sha256>(args)),
    builtin!("crypto/sha256", "Sum224", [TEXT] => TEXT, |_, args: &Args<'_>| digest::<Sha224>(args)),
];

/// The functions of `crypto/sha512`.
pub(super) static SHA512: &[Builtin] = &[
    builtin!("crypto/sha512", "Sum512", [TEXT] => TEXT, |_, args: &Args<'_>| digest::<Sha512>(args)),
    builtin!("crypto/sha512", "Sum384", [TEXT] => TEXT, |_, args: &Args<'_>| digest::<Sha384>(args)),
    builtin!("crypto/sha512", "Sum512_224", [TEXT] => TEXT, |_, args: &Args<'_>| digest::<Sha512_224>(args)),
    builtin!("crypto/sha512", "Sum512_256", [TEXT] => TEXT, |_, args: &Args<'_>| digest::<Sha512_256>(args)),
];

/// The constants of `crypto/sha256`.
pub(super) fn sha256_constant(name: &str) -> Option<Member> {
    constant(name, &[("Size", 32), ("Size224", 28), ("BlockSize", 64)])
}

/// The constants of `crypto/sha512`.
pub(super) fn sha512_constant(name: &str) -> Option<Member> {
    constant(name, &[("Size", 64), ("Size224", 28), ("Size256", 32), ("Size384", 48), ("BlockSize", 128)])
}

fn constant(name: &str, known: &[(&str, u32)]) -> Option<Member> {
    let (_, value) = known.iter().find(|(other, _)| *other == name)?;
    Some(Member::Constant(Value::Number(Number::int(*value))))
}

fn digest<D: Digest>(args: &Args<'_>) -> Result<Value, BuiltinError> {
    Ok(Value::Bytes(D::digest(args.bytes(0)?).as_slice().into()))
}
