//! RFC 6962 Merkle trees over leaf hashes.

use crate::keys::sha256;

/// SHA-256(0x00 ‖ entry).
pub fn leaf_hash(entry: &[u8]) -> Vec<u8> {
    sha256([&[0], entry].concat())
}

/// SHA-256(0x01 ‖ left ‖ right).
pub fn node_hash(left: &[u8], right: &[u8]) -> Vec<u8> {
    sha256([&[1], left, right].concat())
}

/// The tree's root.
pub fn root(leaves: &[Vec<u8>]) -> Vec<u8> {
    match leaves {
        [] => sha256([]),
        [only] => only.clone(),
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(&root(left), &root(right))
        }
    }
}

/// The path from the leaf at `index` to the root, lowest first.
pub fn inclusion_proof(leaves: &[Vec<u8>], index: usize) -> Vec<Vec<u8>> {
    if leaves.len() <= 1 {
        return Vec::new();
    }
    let middle = split(leaves.len());
    let (left, right) = leaves.split_at(middle);
    let (mut path, sibling) = if index < middle {
        (inclusion_proof(left, index), root(right))
    } else {
        (inclusion_proof(right, index - middle), root(left))
    };
    path.push(sibling);
    path
}

/// The largest power of two smaller than `len`.
fn split(len: usize) -> usize {
    len.next_power_of_two() / 2
}
