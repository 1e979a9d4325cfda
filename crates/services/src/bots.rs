//! Recognises visitors that are programs by their user agents.
//!
//! Chat platforms, search engines and tools fetch the links that they find. They name themselves, because a visit gains
//! them nothing. A program that pretends to be a browser is not recognised here; the limit of paid visits per address
//! bounds what it can cost.

use std::sync::LazyLock;

use regex::bytes::{RegexSet, RegexSetBuilder};
use serde::Deserialize;

/// The list of the npm package `crawler-user-agents`, updated by `cargo xtask crawlers`. Its licence is in the same
/// folder.
const LIST: &str = include_str!("bots/crawler-user-agents.json");
/// HTTP libraries and tools that are not in the list.
const NOT_IN_LIST: [&str; 21] = [
    "^reqwest",
    "^hyper/",
    "^ureq/",
    "^node$",
    "^undici",
    "^Bun/",
    "^Deno/",
    "^Java/",
    "^Dart/",
    "^Ruby",
    "^Faraday",
    "^PHP/",
    "GuzzleHttp",
    "^RestSharp/",
    "^PostmanRuntime/",
    "^insomnia/",
    "^aria2/",
    "^fasthttp",
    "libcurl",
    "PowerShell/",
    "^k6/",
];

/// How many bytes of a user agent are checked. Programs name themselves near the beginning, and matching takes time for
/// every byte.
const LOOKED_AT_BYTES: usize = 512;

/// All patterns as one automaton. The first visitor builds it, which takes some milliseconds.
static PROGRAMS: LazyLock<RegexSet> = LazyLock::new(|| {
    compile().unwrap_or_else(|error| {
        // Cannot happen: the patterns are part of the program, and a test compiles them.
        tracing::error!(error, "cannot read the list of programs: all visitors are taken for people");
        RegexSet::empty()
    })
});

#[derive(Deserialize)]
struct List {
    patterns: Vec<String>,
}

fn compile() -> Result<RegexSet, Box<dyn std::error::Error>> {
    let List { patterns } = serde_json::from_str(LIST)?;
    let patterns = patterns.iter().map(String::as_str).chain(NOT_IN_LIST);
    Ok(RegexSetBuilder::new(patterns).unicode(false).build()?)
}

/// Whether a visitor with this user agent is a program. A missing user agent also counts as a program. Only the first
/// [`LOOKED_AT_BYTES`] are checked.
pub(crate) fn is_bot(agent: &str) -> bool {
    let agent = agent.trim().as_bytes();
    agent.is_empty() || PROGRAMS.is_match(&agent[..agent.len().min(LOOKED_AT_BYTES)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_whole_and_every_pattern_can_be_read() {
        let List { patterns } = serde_json::from_str(LIST).unwrap();
        assert_eq!(patterns.len(), 1_500);
        assert_eq!(compile().unwrap().len(), patterns.len() + NOT_IN_LIST.len());
        // One that matches anything would take everybody for a program.
        assert!(!PROGRAMS.is_match(b""));
    }

    #[test]
    fn programs_are_known_and_people_are_let_through() {
        for program in [
            "",
            " \t",
            "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
            "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
            "Twitterbot/1.0",
            "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
            "WhatsApp/2.23.20.0",
            "TelegramBot (like TwitterBot)",
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/120.0 Safari/537.36",
            "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.0; +https://openai.com/gptbot)",
            "curl/8.5.0",
            "Wget/1.21.4",
            "python-requests/2.31.0",
            "Go-http-client/1.1",
            "okhttp/4.12.0",
            "reqwest/0.13.0",
            "reqwest",
            "PostmanRuntime/7.36.0",
            "node",
            "Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.22621",
        ] {
            assert!(is_bot(program), "{program}");
        }
        for person in [
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 OBS/30.2.0",
            "Mozilla/5.0 (Windows NT 10.0; WOW64) AppleWebKit/537.36 (KHTML, like Gecko) StreamlabsOBS/1.15.1 Chrome/122.0 Electron/29.4 Safari/537.36",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) XSplit/4.5 Chrome/112.0 Safari/537.36",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Instagram 330.0.0",
            "Mozilla/5.0 (Linux; Android 14; \u{5c0f}\u{7c73} 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Mobile Safari/537.36",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) discord/1.0.9030 Chrome/108.0 Electron/22.3 Safari/537.36",
        ] {
            assert!(!is_bot(person), "{person}");
        }
    }
}
