//! Where a hub listens, as people write it: `https://host:port`.
//!
//! Only `https` is taken; the port may be left out. A path, a query or a user name is refused
//! rather than ignored.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use thiserror::Error;

/// The port of a hub when none is given.
pub const DEFAULT_PORT: u16 = 7443;

/// The address of a hub.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HubAddress {
    host: String,
    port: u16,
}

/// A text that is no hub address.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("address is not of the form https://host:port")]
pub struct AddressError {
    /// What was given.
    pub given: String,
}

impl AddressError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        "LINK-010"
    }
}

impl HubAddress {
    /// The host name or IP address, an IPv6 address without its brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `host:port`, as sockets take it.
    #[must_use]
    pub fn authority(&self) -> String {
        match self.host.parse::<IpAddr>() {
            Ok(IpAddr::V6(_)) => format!("[{}]:{}", self.host, self.port),
            Ok(IpAddr::V4(_)) | Err(_) => format!("{}:{}", self.host, self.port),
        }
    }
}

impl fmt::Display for HubAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "https://{}", self.authority())
    }
}

impl FromStr for HubAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        parse(text.trim()).ok_or_else(|| AddressError {
            given: text.to_owned(),
        })
    }
}

fn parse(text: &str) -> Option<HubAddress> {
    let rest = match text.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => rest,
        Some(_) => return None,
        None => text,
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (host, port) = if let Some(bracketed) = rest.strip_prefix('[') {
        let (host, after) = bracketed.split_once(']')?;
        host.parse::<std::net::Ipv6Addr>().ok()?;
        match after {
            "" => (host, DEFAULT_PORT),
            after => (host, after.strip_prefix(':')?.parse().ok()?),
        }
    } else {
        match rest.split_once(':') {
            Some((host, port)) => (host, port.parse().ok()?),
            None => (rest, DEFAULT_PORT),
        }
    };
    let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    if host.is_empty() || port == 0 || !host.chars().all(is_host) {
        return None;
    }
    Some(HubAddress {
        host: host.to_owned(),
        port,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_forms_are_taken() {
        for (text, authority) in [
            ("https://127.0.0.1:7443", "127.0.0.1:7443"),
            ("https://hub.example", "hub.example:7443"),
            ("HTTPS://hub.example:9/", "hub.example:9"),
            ("hub", "hub:7443"),
            ("https://[::1]:8", "[::1]:8"),
        ] {
            let address: HubAddress = text.parse().unwrap();
            assert_eq!(address.authority(), authority);
            assert_eq!(address.to_string().parse::<HubAddress>().unwrap(), address);
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "http://hub:1",
            "https://hub:0",
            "https://hub:99999",
            "https://hub/path",
            "https://me@hub",
            "https://[hub]:1",
            "https://hub:1:2",
            "https://a b",
        ] {
            assert!(text.parse::<HubAddress>().is_err(), "{text}");
        }
    }
}
