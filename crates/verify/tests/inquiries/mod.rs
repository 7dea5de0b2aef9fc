//! Images, and the shortest way to ask about them.

#![allow(dead_code, unreachable_pub, reason = "shared by test binaries that each use a part")]

use sigward_testkit::image_evidence::{SIGN_PREDICATE, referrer};
use sigward_testkit::{EvidenceLayer, Key, Leaf};
use sigward_verify::image::{ImageError, ImageQuestion, ImageVerdict};
use sigward_verify::{LogUse, Requirements};

use crate::common::{jane, managed};
use crate::images::{NAME, World, question};

/// What an inquiry ends with.
pub type Outcome = Result<ImageVerdict, ImageError>;

/// Verifies the image by digest with the default leaf.
pub fn by_digest(world: &World) -> Outcome {
    world.ask(&question(&world.by_digest(), jane()))
}

pub fn by_tag(world: &World) -> Outcome {
    world.ask(&question(&format!("{NAME}:v1"), jane()))
}

/// The image has a signature in cosign's tag.
pub fn signed() -> World {
    let mut world = World::new();
    world.sign(&[EvidenceLayer::of(&world.signed())]);
    world
}

/// The image has cosign's bundle as a referrer.
pub fn referred() -> World {
    let mut world = World::new();
    let v3 = world.sigstore.sign_image_v3(&world.image, Leaf::default());
    world.refer(&referrer(&world.image, &v3.bundle_v03(), SIGN_PREDICATE));
    world
}

/// A question for signatures by a key, without a log.
pub fn with_key(world: &World, key: &Key) -> ImageQuestion {
    let requirements = Requirements { log: LogUse::SkippedUnsafe, ..Requirements::new(managed(key)) };
    ImageQuestion { requirements, ..question(&world.by_digest(), managed(key)) }
}
