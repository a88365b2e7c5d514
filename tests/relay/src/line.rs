//! The syntax of a script's line: positional words, then `key=value` options, `%XX` for bytes that a line can't hold.

use std::{fmt::Write as _, str::FromStr};

use anyhow::{Context, bail};

/// The options of one command. What isn't taken is an error of [`Options::finish`].
#[derive(Debug)]
pub struct Options(Vec<(String, String)>);

/// Splits what follows a command's name into its `N` positional words and its options.
pub fn parse<const N: usize>(text: &str) -> anyhow::Result<([String; N], Options)> {
    let mut words = text.split_whitespace();
    let mut positional = Vec::with_capacity(N);
    for index in 0..N {
        let word = words.next().with_context(|| format!("{N} arguments needed, {index} given"))?;
        positional.push(decode(word)?);
    }
    let mut options = Vec::new();
    for word in words {
        let (key, value) = word.split_once('=').with_context(|| format!("{word} is no key=value"))?;
        options.push((key.to_string(), decode(value)?));
    }
    let positional = positional.try_into().expect("exactly N were pushed");
    Ok((positional, Options(options)))
}

impl Options {
    /// Takes an option that may be given once.
    pub fn take(&mut self, key: &str) -> anyhow::Result<Option<String>> {
        let mut values = self.take_all(key)?;
        match values.len() {
            0 | 1 => Ok(values.pop()),
            _ => bail!("{key}= is given twice"),
        }
    }

    /// Takes every value of an option that may be repeated, in order.
    pub fn take_all(&mut self, key: &str) -> anyhow::Result<Vec<String>> {
        let (taken, rest) = std::mem::take(&mut self.0).into_iter().partition(|(name, _)| name == key);
        self.0 = rest;
        let taken: Vec<(String, String)> = taken;
        Ok(taken.into_iter().map(|(_, value)| value).collect())
    }

    /// Takes and parses an option that may be given once.
    pub fn parse<T>(&mut self, key: &str) -> anyhow::Result<Option<T>>
    where
        T: FromStr,
        T::Err: std::fmt::Display,
    {
        let parse = |value: String| value.parse().map_err(|err| anyhow::anyhow!("{key}={value}: {err}"));
        self.take(key)?.map(parse).transpose()
    }

    /// Fails if an option is left.
    pub fn finish(self) -> anyhow::Result<()> {
        match self.0.first() {
            Some((key, _)) => bail!("unknown option {key}="),
            None => Ok(()),
        }
    }
}

/// Replaces `%XX` by the byte.
fn decode(word: &str) -> anyhow::Result<String> {
    let mut parts = word.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let byte = part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.with_context(|| format!("% without two hex digits in {word}"))?);
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).with_context(|| format!("{word} isn't UTF-8"))
}

/// The inverse of what [`parse`] does to a word.
pub fn encode(text: &str) -> String {
    let mut word = String::new();
    for c in text.chars() {
        if c.is_whitespace() || c.is_control() || c == '%' {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                write!(word, "%{byte:02x}").expect("a string takes all");
            }
        } else {
            word.push(c);
        }
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_then_options() {
        let ([a, b], mut options) = parse("x y=1  n=7 m=p m=q").unwrap();
        assert_eq!((a.as_str(), b.as_str()), ("x", "y=1"));
        assert_eq!(options.parse::<u32>("n").unwrap(), Some(7));
        assert_eq!(options.take_all("m").unwrap(), ["p", "q"]);
        assert_eq!(options.take("none").unwrap(), None);
        options.finish().unwrap();
    }

    #[test]
    fn faults_are_named() {
        assert!(parse::<2>("x").is_err());
        assert!(parse::<0>("word").is_err());
        assert!(parse::<1>("%4").is_err());
        assert!(parse::<1>("%é").is_err());
        assert!(parse::<0>("a=1").unwrap().1.finish().is_err());
        assert!(parse::<0>("a=1 a=2").unwrap().1.take("a").is_err());
        assert!(parse::<0>("a=x").unwrap().1.parse::<u8>("a").is_err());
    }

    #[test]
    fn any_text_survives_a_word() {
        for text in ["a/b", "a b\t\n", "100%", "\"\\\u{1}", "käse\u{2028}"] {
            let ([word], _) = parse(&encode(text)).unwrap();
            assert_eq!(word, text);
        }
    }
}
