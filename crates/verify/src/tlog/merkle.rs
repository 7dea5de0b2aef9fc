//! Merkle tree hashes and inclusion proofs (RFC 6962 §2.1).

use aws_lc_rs::digest::{Context, SHA256};

use crate::digest::sha256;
use crate::error::LogFault;
use crate::limits;

/// Hash of a leaf: SHA-256(0x00 || body).
pub(crate) fn leaf_hash(body: &[u8]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(&[0]);
    context.update(body);
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    out
}

fn node_hash(left: &[u8], right: &[u8]) -> [u8; 32] {
    sha256(&[&[1], left, right].concat())
}

/// The root that a proof leads to (RFC 9162 §2.1.3.2).
pub(crate) fn root_from_proof(leaf: [u8; 32], index: u64, size: u64, hashes: &[Vec<u8>]) -> Result<[u8; 32], LogFault> {
    if index >= size {
        return Err(LogFault::IndexOutsideTree { index, size });
    }
    if hashes.len() > limits::PROOF_HASHES || hashes.iter().any(|h| h.len() != 32) {
        return Err(LogFault::ProofMalformed);
    }
    let (mut node, mut last, mut hash) = (index, size - 1, leaf);
    for sibling in hashes {
        if last == 0 {
            return Err(LogFault::ProofMalformed);
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if last == 0 { Ok(hash) } else { Err(LogFault::ProofMalformed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tree of RFC 6962 §2.1 over `leaves`.
    fn root(leaves: &[[u8; 32]]) -> [u8; 32] {
        match leaves {
            [one] => *one,
            _ => {
                let split = leaves.len().next_power_of_two() / 2;
                node_hash(&root(&leaves[..split]), &root(&leaves[split..]))
            }
        }
    }

    fn path(index: usize, leaves: &[[u8; 32]]) -> Vec<Vec<u8>> {
        if leaves.len() == 1 {
            return vec![];
        }
        let split = leaves.len().next_power_of_two() / 2;
        let (mut inner, other) = if index < split {
            (path(index, &leaves[..split]), root(&leaves[split..]))
        } else {
            (path(index - split, &leaves[split..]), root(&leaves[..split]))
        };
        inner.push(other.to_vec());
        inner
    }

    #[test]
    fn every_leaf_of_small_trees_is_proved_and_no_other_place_is() {
        for size in 1..20_usize {
            let leaves: Vec<_> = (0..size).map(|n| leaf_hash(&[u8::try_from(n).unwrap()])).collect();
            for index in 0..size {
                let proof = path(index, &leaves);
                let number = |n: usize| u64::try_from(n).unwrap();
                let at = |i: usize| root_from_proof(leaves[index], number(i), number(size), &proof);
                assert_eq!(at(index), Ok(root(&leaves)));
                for other in (0..size).filter(|o| *o != index) {
                    assert_ne!(at(other), Ok(root(&leaves)), "{index} of {size} at {other}");
                }
                let mut longer = proof.clone();
                longer.push(vec![0; 32]);
                assert_eq!(
                    root_from_proof(leaves[index], number(index), number(size), &longer),
                    Err(LogFault::ProofMalformed)
                );
            }
        }
        assert_eq!(root_from_proof([0; 32], 1, 1, &[]), Err(LogFault::IndexOutsideTree { index: 1, size: 1 }));
    }
}
