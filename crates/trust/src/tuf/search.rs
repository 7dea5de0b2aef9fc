//! Which role speaks for a target: the pre-order walk through delegations (specification, section 5.6.7).

use std::collections::{BTreeSet, VecDeque};

use sigstore_tuf::{TargetFile, TrustedMetadataSet};

use super::names::TargetName;
use crate::Error;

/// A walk under way.
#[derive(Debug)]
pub(super) struct Search {
    name: TargetName,
    limit: u32,
    /// Roles to visit, next one first, each with the role that delegates to it.
    queue: VecDeque<Edge>,
    /// A role is visited once, so cycles end.
    visited: BTreeSet<String>,
    visits: u32,
}

/// A delegation.
#[derive(Debug, Clone)]
pub(super) struct Edge {
    pub(super) role: String,
    pub(super) delegator: String,
}

/// What the walk wants.
#[derive(Debug)]
pub(super) enum Next {
    /// The role must be trusted through this delegation; then go on with [`Search::visit`].
    Trust(Edge),
    /// The first role in order that lists the target lists it so.
    Found(TargetFile),
}

impl Search {
    pub(super) fn new(name: TargetName, limit: u32) -> Self {
        let top = Edge { role: TOP.to_owned(), delegator: String::new() };
        Self { name, limit, queue: VecDeque::from([top]), visited: BTreeSet::new(), visits: 0 }
    }

    pub(super) fn name(&self) -> &TargetName {
        &self.name
    }

    /// Goes on to the next role.
    pub(super) fn next(&mut self, set: &TrustedMetadataSet) -> Result<Next, Error> {
        while let Some(edge) = self.queue.pop_front() {
            if self.visited.contains(&edge.role) {
                continue;
            }
            if self.visits >= self.limit {
                return Err(Error::TooManyDelegations { name: self.name.as_str().to_owned(), limit: self.limit });
            }
            self.visits += 1;
            if edge.role != TOP {
                return Ok(Next::Trust(edge));
            }
            if let Some(found) = self.visit(set, &edge.role)? {
                return Ok(Next::Found(found));
            }
        }
        Err(Error::TargetNotFound { name: self.name.as_str().to_owned() })
    }

    /// Looks into a trusted role, and puts its matching delegations before all others.
    pub(super) fn visit(&mut self, set: &TrustedMetadataSet, role: &str) -> Result<Option<TargetFile>, Error> {
        self.visited.insert(role.to_owned());
        let Some(targets) = set.targets_role(role) else { return Ok(None) };
        if let Some(found) = targets.target(self.name.as_str()) {
            return Ok(Some(found.clone()));
        }
        let mut children = VecDeque::new();
        for child in targets.delegations.iter().flat_map(|delegations| &delegations.roles) {
            // These names belong to the files of the top level (the same rule as sigstore-tuf's client).
            if matches!(child.name.as_str(), "root" | "timestamp" | "snapshot" | TOP) {
                continue;
            }
            let matches = child
                .matches_path(self.name.as_str())
                .map_err(|source| Error::Refused { file: format!("{role}.json"), source })?;
            if matches {
                children.push_back(Edge { role: child.name.clone(), delegator: role.to_owned() });
                if child.terminating {
                    self.queue.clear();
                    break;
                }
            }
        }
        children.append(&mut self.queue);
        self.queue = children;
        Ok(None)
    }
}

const TOP: &str = "targets";
