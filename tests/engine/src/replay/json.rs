//! JSON with its members in their order, which a trace is compared by. Small, so that a replay compiles at once.

use std::iter::Peekable;
use std::str::Chars;
use streamkeeper::engine::Value;

/// Deeper than any trace.
const MAX_DEPTH: u32 = 64;

/// Reads one value.
///
/// # Errors
/// Where it is not JSON, and what is there instead.
pub fn read(text: &str) -> Result<Value, String> {
    let mut reader = Reader { rest: text.chars().peekable(), line: 1, column: 1 };
    let value = reader.value(MAX_DEPTH)?;
    reader.space();
    match reader.rest.peek() {
        None => Ok(value),
        Some(_) => Err(reader.unexpected("the end")),
    }
}

struct Reader<'a> {
    rest: Peekable<Chars<'a>>,
    line: u32,
    column: u32,
}

impl Reader<'_> {
    fn value(&mut self, depth: u32) -> Result<Value, String> {
        self.space();
        let Some(depth) = depth.checked_sub(1) else { return Err(self.unexpected("something less deep")) };
        match self.rest.peek() {
            Some('{') => self.object(depth),
            Some('[') => self.list(depth),
            Some('"') => self.text().map(Value::Text),
            Some('t') => self.word("true", Value::Bool(true)),
            Some('f') => self.word("false", Value::Bool(false)),
            Some('n') => self.word("null", Value::Null),
            Some('-' | '0'..='9') => self.number(),
            _ => Err(self.unexpected("a value")),
        }
    }

    fn object(&mut self, depth: u32) -> Result<Value, String> {
        let mut members = Vec::new();
        self.listed('{', '}', |reader| {
            let key = reader.text()?;
            reader.space();
            reader.one(':')?;
            members.push((key, reader.value(depth)?));
            Ok(())
        })?;
        Ok(Value::Object(members))
    }

    fn list(&mut self, depth: u32) -> Result<Value, String> {
        let mut items = Vec::new();
        self.listed('[', ']', |reader| {
            items.push(reader.value(depth)?);
            Ok(())
        })?;
        Ok(Value::List(items))
    }

    fn listed(
        &mut self,
        open: char,
        close: char,
        mut item: impl FnMut(&mut Self) -> Result<(), String>,
    ) -> Result<(), String> {
        self.one(open)?;
        self.space();
        if self.rest.peek() == Some(&close) {
            return self.one(close);
        }
        loop {
            self.space();
            item(self)?;
            self.space();
            match self.rest.peek() {
                Some(',') => self.one(',')?,
                _ => return self.one(close),
            }
        }
    }

    fn text(&mut self) -> Result<String, String> {
        self.one('"')?;
        let mut text = String::new();
        loop {
            match self.rest.peek() {
                Some('"') => {
                    self.next();
                    return Ok(text);
                }
                Some('\\') => {
                    self.next();
                    text.push(self.escaped()?);
                }
                Some(plain) if *plain >= ' ' => {
                    text.push(*plain);
                    self.next();
                }
                _ => return Err(self.unexpected("the end of a text")),
            }
        }
    }

    fn escaped(&mut self) -> Result<char, String> {
        let plain = match self.rest.peek() {
            Some(plain @ ('"' | '\\' | '/')) => *plain,
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => return self.unit(),
            _ => return Err(self.unexpected("an escaped character")),
        };
        self.next();
        Ok(plain)
    }

    fn unit(&mut self) -> Result<char, String> {
        let first = self.hex()?;
        if !(0xd800..0xdc00).contains(&first) {
            return Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        self.one('\\')?;
        let second = self.hex()?;
        if !(0xdc00..0xe000).contains(&second) {
            return Err(self.unexpected("the second half of a character"));
        }
        let both = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        Ok(char::from_u32(both).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hex(&mut self) -> Result<u32, String> {
        self.one('u')?;
        let mut unit = 0;
        for _ in 0..4 {
            let Some(digit) = self.rest.peek().and_then(|digit| digit.to_digit(16)) else {
                return Err(self.unexpected("four hexadecimal digits"));
            };
            unit = unit * 16 + digit;
            self.next();
        }
        Ok(unit)
    }

    fn number(&mut self) -> Result<Value, String> {
        let mut digits = String::new();
        while let Some(digit) = self.rest.next_if(|next| matches!(next, '-' | '+' | '.' | 'e' | 'E' | '0'..='9')) {
            digits.push(digit);
            self.column += 1;
        }
        digits.parse().map(Value::Number).map_err(|_| self.unexpected("a number"))
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, String> {
        word.chars().try_for_each(|letter| self.one(letter))?;
        Ok(value)
    }

    fn one(&mut self, expected: char) -> Result<(), String> {
        if self.rest.peek() == Some(&expected) {
            self.next();
            Ok(())
        } else {
            Err(self.unexpected(&format!("`{expected}`")))
        }
    }

    fn space(&mut self) {
        while self.rest.peek().is_some_and(|next| matches!(next, ' ' | '\n' | '\r' | '\t')) {
            self.next();
        }
    }

    fn next(&mut self) {
        match self.rest.next() {
            Some('\n') => (self.line, self.column) = (self.line + 1, 1),
            _ => self.column += 1,
        }
    }

    fn unexpected(&mut self, expected: &str) -> String {
        let found = match self.rest.peek() {
            None => "the end of the file".to_owned(),
            Some(found) => format!("`{}`", found.escape_default()),
        };
        format!("{found} at line {} column {}; it must be {expected}", self.line, self.column)
    }
}

/// Writes a value, as `JSON.stringify` does.
pub fn write(value: &Value) -> String {
    match value {
        Value::Null | Value::Opaque => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) if number.is_finite() => number.to_string(),
        Value::Number(_) => "null".to_owned(),
        Value::Text(text) => quoted(text),
        Value::List(items) => format!("[{}]", items.iter().map(write).collect::<Vec<_>>().join(",")),
        Value::Object(members) => {
            let member = |(key, member): &(String, Value)| format!("{}:{}", quoted(key), write(member));
            format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(","))
        }
    }
}

fn quoted(text: &str) -> String {
    let plain = |letter: char| match letter {
        '"' | '\\' => format!("\\{letter}"),
        control if control < ' ' => format!("\\u{:04x}", u32::from(control)),
        plain => plain.to_string(),
    };
    format!("\"{}\"", text.chars().map(plain).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_read() {
        let all = Value::object([
            ("z", Value::List(vec![Value::Null, true.into(), Value::Number(-1.5e-7), Value::Number(1.7e12)])),
            ("a\"\\\n\u{1}é😀", Value::object([("", Value::List(vec![]))])),
        ]);
        assert_eq!(read(&write(&all)), Ok(all));
        assert_eq!(
            read(" { \"a\" : [ 1e3 , \"\\u00e9\\ud83d\\ude00\\/\" ] }\n").map(|value| write(&value)),
            Ok("{\"a\":[1000,\"é😀/\"]}".to_owned())
        );
    }

    #[test]
    fn what_is_no_json_is_told_by_its_place() {
        for (text, said) in [
            ("", "the end of the file at line 1 column 1; it must be a value"),
            ("{\"a\":\n [1,", "the end of the file at line 2 column 5; it must be a value"),
            ("[1 2]", "`2` at line 1 column 4; it must be `]`"),
            ("[\"a\n\"]", "`\\n` at line 1 column 4; it must be the end of a text"),
            ("[nul]", "`]` at line 1 column 5; it must be `l`"),
            ("\"\\ud800\\u0041\"", "`\\\"` at line 1 column 14; it must be the second half of a character"),
            ("[1]]", "`]` at line 1 column 4; it must be the end"),
        ] {
            assert_eq!(read(text), Err(said.to_owned()));
        }
        assert!(read(&"[".repeat(100_000)).is_err_and(|said| said.ends_with("something less deep")));
    }
}
