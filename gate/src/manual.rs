//! Completions and the man page, made from the definition of the command line: nothing of them is written by hand.

use clap::{Args, Command};
use clap_complete::Shell;

use crate::replay::Shown;

/// Which shell.
#[derive(Debug, Args)]
pub(crate) struct CompletionsOptions {
    /// The shell that is to complete words
    #[arg(value_enum)]
    shell: Shell,
}

/// Completions for a shell.
pub(crate) fn completions(definition: &Command, options: &CompletionsOptions) -> Shown {
    let mut script = Vec::new();
    let mut definition = definition.clone();
    clap_complete::generate(options.shell, &mut definition, "gate", &mut script);
    Shown { text: String::from_utf8_lossy(&script).into_owned(), exit_code: 0 }
}

/// The man page of the gate, with a section for each command.
///
/// # Errors
/// None in practice: it is written to memory.
pub(crate) fn page(definition: &Command) -> Result<Shown, String> {
    let failed = |error: std::io::Error| {
        format!("man: {error}, expected memory for the page; free some and call it again")
    };
    let mut definition = definition.clone();
    definition.build();
    let mut page = Vec::new();
    let main = clap_mangen::Man::new(definition.clone());
    main.render_title(&mut page).map_err(failed)?;
    main.render_name_section(&mut page).map_err(failed)?;
    main.render_synopsis_section(&mut page).map_err(failed)?;
    main.render_description_section(&mut page).map_err(failed)?;
    main.render_options_section(&mut page).map_err(failed)?;
    page.extend(commands(&definition).into_bytes());
    page.extend(below(&definition));
    for command in definition.get_subcommands() {
        let name = command.get_name().to_owned();
        page.extend(format!(".SH \"GATE {}\"\n", name.to_uppercase()).into_bytes());
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        page.extend(format!("{}\n", escaped(&about)).into_bytes());
        let man = clap_mangen::Man::new(command.clone());
        let mut parts = Vec::new();
        man.render_synopsis_section(&mut parts).map_err(failed)?;
        man.render_options_section(&mut parts).map_err(failed)?;
        // Sections of a command are parts of its own.
        page.extend(String::from_utf8_lossy(&parts).replace(".SH ", ".SS ").into_bytes());
        page.extend(below(command));
    }
    Ok(Shown { text: String::from_utf8_lossy(&page).into_owned(), exit_code: 0 })
}

/// The commands, each of which has its section below.
fn commands(definition: &Command) -> String {
    let mut text = ".SH COMMANDS\n".to_owned();
    for command in definition.get_subcommands() {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        text += &format!(".TP\n\\fB{}\\fR\n{}\n", command.get_name(), escaped(&about));
    }
    text
}

/// What stands below the options, line by line as it is.
fn below(command: &Command) -> Vec<u8> {
    let Some(text) = command.get_after_help() else { return Vec::new() };
    let lines: String = text.to_string().lines().map(|line| escaped(line) + "\n").collect();
    format!(".SS NOTES\n.nf\n{lines}.fi\n").into_bytes()
}

/// A line that roff takes as text.
fn escaped(line: &str) -> String {
    let line = line.replace('\\', "\\e").replace('-', "\\-");
    if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::definition;
    use clap::ValueEnum;

    #[test]
    fn every_command_and_its_options_are_in_the_man_page() {
        let text = page(&definition()).expect("it is made").text;
        for command in definition().get_subcommands() {
            let name = command.get_name();
            assert!(text.contains(&format!(".SH \"GATE {}\"", name.to_uppercase())), "{name}");
            for option in command.get_arguments().filter_map(|each| each.get_long()) {
                let escaped = option.replace('-', "\\-");
                assert!(text.contains(&format!("\\-\\-{escaped}")), "{name} --{option}");
            }
        }
        assert!(text.contains("Exit codes:"));
    }

    #[test]
    fn every_shell_completes_every_command() {
        for shell in Shell::value_variants() {
            let text = completions(&definition(), &CompletionsOptions { shell: *shell }).text;
            for command in definition().get_subcommands() {
                assert!(text.contains(command.get_name()), "{shell}: {}", command.get_name());
            }
        }
    }
}
