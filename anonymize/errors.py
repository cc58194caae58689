"""The errors this package raises on purpose; each carries the sentence that a person reads.

`rule` is a stable slug for machines and `exit_code` what the command line ends with: 1 refused by a rule,
2 wrong use, 3 server or network. A sentence says what is wrong, what to do next and what did not happen; it never
holds a value from a tape, a cube or a key.
"""

from __future__ import annotations


class ConcordError(Exception):
    """Anything that ends a command with a sentence instead of a traceback."""

    exit_code = 1
    default_rule = "refused"

    def __init__(self, sentence: str, *, rule: str | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.rule = rule or self.default_rule


class LoanTapeError(ConcordError):
    """The tape cannot be read as a table of loans."""

    default_rule = "loan-tape"


class MappingError(ConcordError):
    """The mapping file does not turn this tape into the template's cells."""

    default_rule = "mapping"


class IdentifierError(ConcordError):
    """A column that would be used holds direct identifiers of people."""

    default_rule = "direct-identifier"


class TemplateError(ConcordError):
    """A template is not of the published form, or does not have what was asked of it."""

    default_rule = "template"


class CheckError(ConcordError):
    """A cube breaks a rule of its template."""

    default_rule = "check"


class ProtectionError(ConcordError):
    """A table cannot be protected as its policy demands, so nothing of it may leave."""

    default_rule = "protection"


class LedgerError(ConcordError):
    """The ledger of what privacy has cost is not as it was left, or its budget is spent."""

    default_rule = "ledger"


class Interrupted(ConcordError):
    """Somebody, or the machine, ended the command before it was done; the same command may be run again."""

    exit_code = 3
    default_rule = "interrupted"


class PackageError(ConcordError):
    """A sealed package is refused; `rule` is one of `anonymize.package.RULES`, `member` the header member at fault."""

    default_rule = "malformed"

    def __init__(self, sentence: str, *, rule: str | None = None, member: str | None = None) -> None:
        super().__init__(sentence, rule=rule)
        self.member = member


class LogError(ConcordError):
    """The consortium's log does not prove what it should: a package is not in it, is not counted, or the log changed."""

    default_rule = "log"


class KeyStoreError(ConcordError):
    """A key file is missing, unreadable, or does not open with this passphrase."""

    exit_code = 2
    default_rule = "key-store"


class ConfigError(ConcordError):
    """The configuration file or the environment lacks something or says something impossible."""

    exit_code = 2
    default_rule = "configuration"


class ServerError(ConcordError):
    """The platform, or the way to it, failed. `retryable` is true when the same call may succeed later."""

    exit_code = 3
    default_rule = "server"

    def __init__(
        self, sentence: str, *, rule: str | None = None, retryable: bool = False, status: int | None = None
    ) -> None:
        super().__init__(sentence, rule=rule)
        self.retryable = retryable
        self.status = status
        if status is not None and 400 <= status < 500 and not retryable:
            self.exit_code = 1  # the platform understood and refused; trying again changes nothing
