//! A mail server on a port of its own: it speaks SMTP, and keeps what it is given.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;

/// How it treats those who connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mood {
    /// It takes everything.
    Good,
    /// It answers this to every recipient.
    Refusing(&'static str),
    /// It asks for this user and password (as AUTH PLAIN sends them).
    Asking(&'static str),
    /// It says nothing, until its mood changes; then it hangs up.
    Silent,
}

/// A mail that it was given.
#[derive(Debug, Clone, Default)]
pub struct Mail {
    /// From whom, as the envelope says.
    pub from: String,
    /// To whom, as the envelope says.
    pub to: Vec<String>,
    /// Headers and body, as they came.
    pub raw: String,
}

impl Mail {
    /// A header, unfolded. Empty when it is missing.
    pub fn header(&self, name: &str) -> String {
        let head = self.raw.split("\n\n").next().unwrap_or_default().replace("\n ", " ");
        let found = head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        found.unwrap_or_default().to_owned()
    }

    /// What follows the headers, with quoted-printable undone.
    pub fn body(&self) -> String {
        let (_, body) = self.raw.split_once("\n\n").expect("headers have an end");
        let mut bytes = Vec::new();
        let mut rest = body.replace("=\n", "").into_bytes().into_iter();
        while let Some(byte) = rest.next() {
            let digits = rest.as_slice().get(..2).and_then(|digits| str::from_utf8(digits).ok());
            match (byte, digits.and_then(|digits| u8::from_str_radix(digits, 16).ok())) {
                (b'=', Some(decoded)) => {
                    bytes.push(decoded);
                    rest.nth(1);
                }
                _ => bytes.push(byte),
            }
        }
        String::from_utf8(bytes).expect("the body is text")
    }
}

/// A running server. It stops with the test's runtime.
#[derive(Debug)]
pub struct MailServer {
    /// Where it listens.
    pub address: SocketAddr,
    mood: Arc<watch::Sender<Mood>>,
    received: UnboundedReceiver<Mail>,
}

impl MailServer {
    /// On any port, and in a good mood.
    pub async fn start() -> Self {
        Self::at(SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    /// The same at this address.
    pub async fn at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.expect("the port is free");
        let address = listener.local_addr().expect("it is bound");
        let (mood, _) = watch::channel(Mood::Good);
        let mood = Arc::new(mood);
        let (sender, received) = unbounded_channel();
        let moods = Arc::clone(&mood);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // One that hangs up in the middle has said all that it had to say.
                drop(tokio::spawn(converse(stream, moods.subscribe(), sender.clone())));
            }
        });
        Self { address, mood, received }
    }

    /// From now on it is in this mood.
    pub fn is_now(&self, mood: Mood) {
        self.mood.send_replace(mood);
    }

    /// The next mail.
    pub async fn next(&mut self) -> Mail {
        self.received.recv().await.expect("the server runs")
    }

    /// The mails that nobody has looked at yet.
    pub fn rest(&mut self) -> Vec<Mail> {
        std::iter::from_fn(|| self.received.try_recv().ok()).collect()
    }
}

async fn converse(
    stream: TcpStream,
    mut moods: watch::Receiver<Mood>,
    sender: UnboundedSender<Mail>,
) -> std::io::Result<()> {
    let mood = moods.borrow_and_update().clone();
    if mood == Mood::Silent {
        let _changed = moods.changed().await;
        return Ok(());
    }
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    let mut mail = Mail::default();
    writer.write_all(b"220 mail.test ESMTP\r\n").await?;
    while let Some(line) = lines.next_line().await? {
        let verb = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        let answer = match (verb.as_str(), &mood) {
            ("EHLO", Mood::Asking(_)) => "250-mail.test\r\n250 AUTH PLAIN",
            ("EHLO", _) => "250 mail.test",
            ("AUTH", Mood::Asking(credentials)) if line.ends_with(credentials) => "235 welcome",
            ("AUTH", _) => "535 who are you?",
            ("MAIL", _) => {
                mail = Mail { from: address(&line), ..Mail::default() };
                "250 go on"
            }
            ("RCPT", Mood::Refusing(answer)) => answer,
            ("RCPT", _) => {
                mail.to.push(address(&line));
                "250 go on"
            }
            ("DATA", _) => {
                writer.write_all(b"354 I listen\r\n").await?;
                while let Some(line) = lines.next_line().await?.filter(|line| line != ".") {
                    mail.raw.push_str(line.strip_prefix('.').unwrap_or(&line));
                    mail.raw.push('\n');
                }
                // Nobody may want to know.
                let _gone = sender.send(std::mem::take(&mut mail));
                "250 taken"
            }
            ("QUIT", _) => "221 bye",
            _ => "502 what?",
        };
        writer.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
    Ok(())
}

/// From `MAIL FROM:<somebody@example.org> BODY=8BITMIME`.
fn address(line: &str) -> String {
    let address = line.split(['<', '>']).nth(1);
    address.unwrap_or_default().to_owned()
}
