//! Container images: their names, what is attached to them, and what that proves.
//!
//! [`ImageInquiry`] is the whole way from a name to an [`ImageVerdict`]; who performs its needs does not matter.

mod configs;
mod error;
mod inquiry;
mod listing;
mod manifest;
mod payload;
mod question;
mod reference;
mod referrer_list;
mod reply;
mod verdict;

pub use configs::ConfigInquiry;
pub use error::{EvidenceFault, ImageError, LayerRole, Origin, Rejected};
pub use inquiry::ImageInquiry;
pub use listing::{Attached, AttachedTag, Contents, Listing, ListingInquiry, ListingQuestion, Referrer, Referrers};
pub use manifest::Descriptor;
pub use payload::{SimpleSigning, subject_annotations};
pub use question::{Demand, Forms, GivenCertificate, ImageQuestion, LookupRule, Wanted};
pub use reference::{BadReference, ImageReference, Registry, Repository, SchemeRule, Target};
pub use verdict::{COSIGN_SIGN, Claim, EvidenceKind, ImageVerdict, ProvedEvidence};
