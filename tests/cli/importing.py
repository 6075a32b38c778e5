"""A small checklist in Markdown, and the command line."""

from click.testing import CliRunner, Result

from cli.main import main

CHECKLIST = """# Web Shop Readiness Checklist

For whoever launches.

## 1. Recovery
- [x] Backups every 6 hours
- [ ] Recovery point objective (RPO): 1 hour
  - [ ] Drill held: "all" {parts} % of it
- [ ] Rate limiting configured appropriately

## Sign-off
| Role | Signature |
|------|-----------|
| CTO  |           |

## Contacts
- Primary: [Name] - [Phone]
"""


def tminus(*arguments: str) -> Result:
    """Runs the command line."""
    return CliRunner().invoke(main, arguments)
