//! Whether a token server may be asked, and whether it may see a password.
//!
//! A registry names its token server in an answer that anybody may have written who can answer for it. go-containerregistry
//! sends the password to whatever host is named; CVE-2025-27403 and CVE-2026-24845 were that in other clients.

use std::net::IpAddr;

use crate::http::{Origin, is_loopback};

/// Token servers of public registries whose names are no relatives of the registry's. Source: the challenges of these
/// registries.
const KNOWN: &[(&str, &str)] = &[
    ("index.docker.io", "auth.docker.io"),
    ("docker.elastic.co", "docker-auth.elastic.co"),
    ("registry.digitalocean.com", "api.digitalocean.com"),
    ("registry.cn-hangzhou.aliyuncs.com", "dockerauth.cn-hangzhou.aliyuncs.com"),
    ("rg.fr-par.scw.cloud", "api.scaleway.com"),
    ("rg.nl-ams.scw.cloud", "api.scaleway.com"),
    ("rg.pl-waw.scw.cloud", "api.scaleway.com"),
];

/// Whether the password for `registry` may be sent to `realm`, as far as their names go.
///
/// The names are the same (ports may differ), or one is the other's parent domain (`registry.gitlab.com` and
/// `gitlab.com`): then one of them is below the other in the same hands. Siblings are not enough, as
/// `one.azurecr.io` and `other.azurecr.io` belong to different people; those of [`KNOWN`] and of the setting are.
pub(crate) fn may_see_password(registry: &Origin, realm: &Origin, trusted: &[String]) -> bool {
    let (from, to) = (registry.name(), realm.name());
    let related = is_below(from, to) || is_below(to, from);
    let known = KNOWN.contains(&(from, to));
    from == to || related || known || is_permitted(realm, trusted)
}

/// `--registry-trusted-realm` names it, with or without its port.
fn is_permitted(realm: &Origin, trusted: &[String]) -> bool {
    let is_it =
        |host: &String| host.eq_ignore_ascii_case(realm.name()) || host.eq_ignore_ascii_case(&realm.to_string());
    trusted.iter().any(is_it)
}

/// Whether a realm is an address that only this machine or network can reach, while the registry is not: a registry
/// must not have us ask, for instance, a cloud's metadata service.
pub(crate) fn is_inward(registry: &Origin, realm: &Origin, trusted: &[String]) -> bool {
    let (from, to) = (registry.name(), realm.name());
    if from == to || is_permitted(realm, trusted) {
        return false;
    }
    match reach(to) {
        Reach::Public => false,
        Reach::Link => true,
        Reach::Machine => reach(from) != Reach::Machine,
        Reach::Network => reach(from) == Reach::Public,
    }
}

/// Whether what is sent to an origin stays on this machine. Names below `.localhost` may not: not every resolver keeps
/// them here (RFC 6761 section 6.3 only asks for it), and a proxy may be before them.
pub(crate) fn is_this_machine(origin: &Origin) -> bool {
    is_loopback(origin.name())
}

/// `name` is below the domain `parent`, which is more than a top-level domain.
fn is_below(name: &str, parent: &str) -> bool {
    let are_domains = parent.contains('.') && [name, parent].iter().all(|name| name.parse::<IpAddr>().is_err());
    are_domains && name.strip_suffix(parent).is_some_and(|label| label.ends_with('.'))
}

/// From where an address can be reached.
#[derive(Debug, PartialEq, Eq)]
enum Reach {
    Public,
    Network,
    Link,
    Machine,
}

fn reach(name: &str) -> Reach {
    let address: Result<IpAddr, _> = name.trim_start_matches('[').trim_end_matches(']').parse();
    match address.map(|address| address.to_canonical()) {
        Err(_) if name == "localhost" || name.ends_with(".localhost") => Reach::Machine,
        Err(_) if name.ends_with(".local") => Reach::Network,
        Err(_) => Reach::Public,
        // 0.0.0.0 reaches this machine as well.
        Ok(address) if address.is_loopback() || address.is_unspecified() => Reach::Machine,
        Ok(IpAddr::V4(v4)) if v4.is_link_local() => Reach::Link,
        Ok(IpAddr::V4(v4)) if v4.is_private() => Reach::Network,
        Ok(IpAddr::V6(v6)) if v6.is_unicast_link_local() => Reach::Link,
        Ok(IpAddr::V6(v6)) if v6.is_unique_local() => Reach::Network,
        Ok(_) => Reach::Public,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(url: &str) -> Origin {
        Origin::of(&url.parse().unwrap()).unwrap()
    }

    fn sees(registry: &str, realm: &str) -> bool {
        may_see_password(&origin(&format!("https://{registry}/")), &origin(&format!("https://{realm}/token")), &[])
    }

    #[test]
    fn token_servers_of_real_registries() {
        for (registry, realm) in [
            ("index.docker.io", "auth.docker.io"),
            ("registry.gitlab.com", "gitlab.com"),
            ("registry.gitlab.example.com:5050", "gitlab.example.com"),
            ("example.com", "auth.example.com"),
            ("quay.io", "quay.io"),
            ("ghcr.io", "ghcr.io"),
            ("gcr.io", "gcr.io"),
            ("us-docker.pkg.dev", "us-docker.pkg.dev"),
            ("acme.azurecr.io", "acme.azurecr.io"),
            ("127.0.0.1:5000", "127.0.0.1:5001"),
            ("[::1]:5000", "[::1]:5001"),
        ] {
            assert!(sees(registry, realm), "{registry} {realm}");
        }
    }

    #[test]
    fn token_realm_on_another_host() {
        for (registry, realm) in [
            ("registry.example", "evil.example"),
            ("registry.example.com", "evil.com"),
            ("acme.azurecr.io", "evil.azurecr.io"),
            ("registry.example.com", "notexample.com"),
            ("registry.example.com", "com"),
            ("index.docker.io", "auth.docker.io.evil.com"),
            ("index.docker.io", "evil.docker.io.evil.com"),
            ("auth.docker.io", "index.docker.io"),
            ("evil.com", "auth.docker.io"),
            ("10.0.0.1", "0.0.1"),
            ("1.10.0.0.1", "10.0.0.1"),
            ("127.0.0.1", "localhost"),
        ] {
            assert!(!sees(registry, realm), "{registry} {realm}");
        }
    }

    #[test]
    fn names_that_may_leave_this_machine() {
        let stays = |host: &str| is_this_machine(&origin(&format!("http://{host}/")));
        assert!(stays("localhost:5000") && stays("127.0.0.2") && stays("[::1]:5000"));
        assert!(!stays("registry.localhost:5000") && !stays("0.0.0.0") && !stays("10.0.0.1") && !stays("reg.local"));
    }

    #[test]
    fn a_setting_permits_a_realm() {
        let (registry, realm) = (origin("https://registry.example.com/"), origin("https://gitlab.example.com:8443/x"));
        let permits = |host: &str| may_see_password(&registry, &realm, &[host.to_owned()]);
        assert!(permits("GitLab.example.com") && permits("gitlab.example.com:8443"));
        assert!(!permits("example.com") && !permits("gitlab.example.com:443") && !permits(""));
    }

    #[test]
    fn realm_in_the_own_network_of_a_public_registry() {
        let inward = |registry: &str, realm: &str| {
            is_inward(&origin(&format!("https://{registry}/")), &origin(&format!("https://{realm}/")), &[])
        };
        for realm in [
            "169.254.169.254",
            "127.0.0.1:8080",
            "10.1.2.3",
            "[::1]",
            "[fe80::1]",
            "[fd00:ec2::254]",
            "localhost",
            "0.0.0.0",
            "[::ffff:127.0.0.1]",
            "x.local",
        ] {
            assert!(inward("registry.example.com", realm), "{realm}");
        }
        assert!(inward("10.0.0.1", "169.254.169.254") && inward("10.0.0.1", "127.0.0.1"));
        assert!(
            !inward("10.0.0.1", "10.0.0.2") && !inward("127.0.0.1", "localhost:1") && !inward("localhost", "10.0.0.1")
        );
        let (registry, realm) = (origin("https://registry.corp.test/"), origin("https://auth.corp.local:8443/"));
        assert!(is_inward(&registry, &realm, &[]) && !is_inward(&registry, &realm, &["auth.corp.local".to_owned()]));
        assert!(!inward("registry.example.com", "gitlab.com") && !inward("169.254.1.1", "169.254.1.1:8"));
    }
}
