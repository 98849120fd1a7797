//! The forms in which feeds are published, by name.

use std::fmt;
use std::str::FromStr;

macro_rules! formats {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// A form in which feeds are published.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Format {
            $($(#[$doc])* $variant,)*
        }

        impl Format {
            /// Every form.
            pub const ALL: &[Format] = &[$(Format::$variant,)*];

            /// The name that settings and reports use.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Format::$variant => $name,)*
                }
            }
        }
    };
}

formats! {
    /// A value a line: address, prefix, range, `address:port`, name, URL or digest, with any comment style.
    Plain = "plain",
    /// `0.0.0.0 name`, as `/etc/hosts` is written.
    Hosts = "hosts",
    /// FireHOL's `.ipset` and `.netset`.
    Firehol = "firehol",
    /// Spamhaus DROP as text: `192.0.2.0/24 ; SBL1`.
    DropText = "drop-text",
    /// Spamhaus DROP as JSON lines that end with a metadata record.
    DropJson = "drop-json",
    /// abuse.ch Feodo Tracker, CSV.
    FeodoCsv = "feodo-csv",
    /// abuse.ch Feodo Tracker, JSON.
    FeodoJson = "feodo-json",
    /// abuse.ch ThreatFox, CSV.
    ThreatfoxCsv = "threatfox-csv",
    /// abuse.ch ThreatFox, JSON: export or API.
    ThreatfoxJson = "threatfox-json",
    /// abuse.ch URLhaus, CSV.
    UrlhausCsv = "urlhaus-csv",
    /// abuse.ch URLhaus, JSON: export or API.
    UrlhausJson = "urlhaus-json",
    /// abuse.ch MalwareBazaar, CSV.
    BazaarCsv = "bazaar-csv",
    /// abuse.ch MalwareBazaar, JSON of the API.
    BazaarJson = "bazaar-json",
    /// abuse.ch SSLBL, addresses, CSV.
    SslblCsv = "sslbl-csv",
    /// abuse.ch SSLBL, certificates, CSV: digests of certificates, which are no indicators here.
    SslblCertificates = "sslbl-certificates",
    /// Tor's `exit-addresses`.
    TorExits = "tor-exits",
    /// ipsum: address and number of lists.
    Ipsum = "ipsum",
    /// BruteForceBlocker: address and an inline comment with date, count and number.
    BruteForceBlocker = "bruteforceblocker",
    /// Maltrail's trails: names, endpoints, URLs and paths.
    Maltrail = "maltrail",
    /// DShield's `block.txt`: first address, last address, length of the prefix.
    Dshield = "dshield",
    /// Filter rules of browsers, of which those that block a host are taken: `||name^`.
    Adblock = "adblock",
    /// A MISP event.
    MispEvent = "misp-event",
    /// The manifest of a MISP feed's directory: names events and no indicator.
    MispManifest = "misp-manifest",
    /// `hashes.csv` of a MISP feed's directory: digests of attributes, which are no indicators.
    MispHashes = "misp-hashes",
    /// A MISP warninglist: names what is *not* an indicator.
    MispWarninglist = "misp-warninglist",
    /// STIX 2.0 or 2.1: a bundle, a TAXII envelope or page, or bare objects.
    Stix = "stix",
    /// CrowdSec's decisions: stream, import or alerts.
    CrowdsecJson = "crowdsec-json",
    /// CrowdSec's decisions for import, CSV.
    CrowdsecCsv = "crowdsec-csv",
    /// OTX pulses.
    Otx = "otx",
    /// Lists of names in a Falco rule file.
    FalcoLists = "falco-lists",
    /// CSV by configured columns, or by a header that tells.
    Csv = "csv",
    /// JSON, or JSON lines, by configured fields, or by names that tell.
    Json = "json",
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The name of no format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no feed format is called `{0}`")]
pub struct UnknownFormat(pub Box<str>);

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Format, UnknownFormat> {
        Format::ALL
            .iter()
            .copied()
            .find(|format| format.name() == name)
            .ok_or_else(|| UnknownFormat(name.into()))
    }
}

/// How files of a form are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// An entry a line.
    Lines,
    /// Rows of columns.
    Csv,
    /// One document, or one a line.
    Json,
    /// One document.
    Yaml,
}

impl Format {
    /// How files of this form are read.
    pub(super) fn family(self) -> Family {
        match self {
            Format::Plain
            | Format::Hosts
            | Format::Firehol
            | Format::DropText
            | Format::TorExits
            | Format::Ipsum
            | Format::BruteForceBlocker
            | Format::Maltrail
            | Format::Dshield
            | Format::Adblock
            | Format::MispHashes => Family::Lines,
            Format::FeodoCsv
            | Format::ThreatfoxCsv
            | Format::UrlhausCsv
            | Format::BazaarCsv
            | Format::SslblCsv
            | Format::SslblCertificates
            | Format::CrowdsecCsv
            | Format::Csv => Family::Csv,
            Format::DropJson
            | Format::FeodoJson
            | Format::ThreatfoxJson
            | Format::UrlhausJson
            | Format::BazaarJson
            | Format::MispEvent
            | Format::MispManifest
            | Format::MispWarninglist
            | Format::Stix
            | Format::CrowdsecJson
            | Format::Otx
            | Format::Json => Family::Json,
            Format::FalcoLists => Family::Yaml,
        }
    }

    /// Whether files of this form name things to look for. The others belong to feeds, but name none.
    #[must_use]
    pub fn is_feed(self) -> bool {
        !matches!(
            self,
            Format::MispManifest | Format::MispHashes | Format::MispWarninglist | Format::SslblCertificates
        )
    }
}
