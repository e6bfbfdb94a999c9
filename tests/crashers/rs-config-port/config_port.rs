use std::fmt;

#[derive(Debug)]
enum ConfigError {
    Missing(&'static str),
    NotANumber(String),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigError::Missing(key) => write!(f, "{key} is missing"),
            ConfigError::NotANumber(text) => write!(f, "not a number: {text}"),
        }
    }
}

struct Listener {
    port: u16,
}

fn number(text: &str, key: &'static str) -> Result<u16, ConfigError> {
    let line = text.lines().find(|line| line.starts_with(key)).ok_or(ConfigError::Missing(key))?;
    let value = line[key.len()..].trim_start_matches([' ', '=']);
    value.parse().map_err(|_| ConfigError::NotANumber(value.to_string()))
}

impl Listener {
    #[inline(never)]
    fn from_config(text: &str) -> Listener {
        let port = number(text, "port").expect("listener needs a port"); // CRASH
        Listener { port }
    }
}

#[inline(never)]
extern "C" fn on_reload(generation: u32) -> u32 { // CRASH-ALSO
    let text = if generation > 1 { "host = ::\nport = http\n" } else { "port = 8080\n" };
    u32::from(Listener::from_config(text).port) // CRASH-ALSO
}

fn reload(callback: extern "C" fn(u32) -> u32, times: u32) -> u32 {
    (1..=times).map(|generation| callback(generation)).sum()
}

fn main() {
    println!("{}", reload(on_reload, 3));
}
