"""
C{imtw}: its commands, and how they end.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Sequence

from twisted.python import usage

from imtw.cli.bring import Import
from imtw.cli.doctor import Doctor
from imtw.cli.export import Export
from imtw.cli.options import Command
from imtw.cli.people import GroupCommands, UserCommands
from imtw.cli.verify import Verify
from imtw.errors import ImtwError


class Imtw(Command):
    """
    C{imtw}.
    """

    longdesc = (
        "What an operator does with accounts, groups and the database of an imtw server. What changes something "
        "goes through the server while one runs, and into the file while none does; what only reads opens the file "
        "read-only. The server itself is: twistd -n jim."
    )
    arguments = "COMMAND"
    example = "imtw --store sqlite:/var/lib/imtw/imtw.db user list"
    subCommands = [
        ["user", None, UserCommands, "Accounts: add, passwd, operator, list."],
        ["group", None, GroupCommands, "Groups: list."],
        ["export", None, Export, "Write a conversation into a file, a message a line."],
        ["import", None, Import, "Bring over what another system's server has kept."],
        ["doctor", None, Doctor, "Look for what is amiss, and say what to do."],
        ["verify", None, Verify, "Hold a server to its promise, on this machine."],
    ]


def run(arguments: Sequence[str]) -> int:
    """
    Run a command.

    @param arguments: what stands behind C{imtw}.
    @return: the exit status: 0, or 1 where something was wrong.
    """
    options = Imtw()
    try:
        options.parseOptions(arguments)
        status = options.chosen().run()
        sys.stdout.flush()
        return status
    except usage.UsageError as error:
        complaint = options.chosen().complain(error)
    except ImtwError as error:
        complaint = str(error)
    except BrokenPipeError:  # whoever read our output has enough
        writeNoMore()
        return 1
    except OSError as error:
        complaint = f"{error.filename or 'input or output'}: {error.strerror or error}"
        if error.filename is None:
            writeNoMore()
    except sqlite3.Error as error:
        complaint = f"the database cannot be read: {error}; imtw doctor says more"
    except KeyboardInterrupt:
        complaint = "interrupted"
    print("imtw:", " ".join(complaint.split()), file=sys.stderr)
    return 1


def writeNoMore() -> None:
    """
    Let what could not be written go, or Python tries it again at its end and
    says so with a traceback of its own.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def main() -> None:
    """
    The console script.
    """
    sys.exit(run(sys.argv[1:]))
