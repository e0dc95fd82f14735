"""
C{imtw user} and C{imtw group}.
"""

from __future__ import annotations

import sys
from functools import partial
from getpass import getpass

from twisted.python import usage

from imtw.accounts.hashing import ARGON2ID
from imtw.admin.rules import complaintAboutName, complaintAboutPassword, taken, unknown
from imtw.cli.database import Database
from imtw.cli.options import Command, Failed, shown
from imtw.interfaces import IStore
from imtw.model import User

NO_TERMINAL = (
    "there is no terminal to ask for the password: wanted --password-file FILE, or --password-file - to read it "
    "from standard input"
)


class Named(Command):
    """
    A command about one user.
    """

    arguments = "NAME"

    def parseArgs(self, name: str) -> None:  # type: ignore[override]
        """
        Whom it is about.
        """
        complaint = complaintAboutName(name)
        if complaint is not None:
            raise usage.UsageError(complaint)
        self.name = name


class WithPassword(Named):
    """
    A command that sets a password, which is never an argument: everybody on
    a machine can see those.
    """

    optParameters = [
        ["password-file", None, None, "Read the password from the first line of this file; - is standard input."],
    ]

    def password(self) -> str:
        """
        The new password.

        @raise Failed: there is none.
        """
        file = self["password-file"]
        password = self._ask() if file is None else self._read(file)
        complaint = complaintAboutPassword(password)
        if complaint is not None:
            raise Failed(complaint)
        return password

    def secret(self, password: str) -> str:
        """
        What is stored of a password.
        """
        return ARGON2ID.hash(password.encode())

    def _read(self, file: str) -> str:
        """
        Read it.
        """
        if file == "-":
            line = sys.stdin.buffer.readline()
        else:
            try:
                with open(file, "rb") as stream:
                    line = stream.readline()
            except OSError as error:
                raise Failed(f"--password-file: {file} cannot be read: {error.strerror}") from error
        try:
            return line.decode().rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise Failed(f"the password in {file} is not UTF-8") from error

    def _ask(self) -> str:
        """
        Ask for it, twice.
        """
        if not sys.stdin.isatty():
            raise Failed(NO_TERMINAL)
        try:
            password = getpass(f"New password of {self.name}: ")
            again = getpass("Once more: ")
        except EOFError as error:
            raise Failed("no password was given: nothing was changed") from error
        if password != again:
            raise Failed("the two passwords differ: nothing was changed")
        return password


class AddUser(WithPassword):
    """
    C{imtw user add}.
    """

    longdesc = "Make an account. The password is asked for, twice, or read from a file."
    example = "imtw user add ann"

    def run(self) -> int:
        """
        Make it.
        """
        database = Database(self.storeSpec())
        isNew = not database.exists()
        password = self.password()
        database.change(
            "/users/add",
            {"name": self.name, "password": password},
            partial(addUser, name=self.name, secret=self.secret(password)),
        )
        if isNew:
            print(f"{database} was not there and is new: start the server with --store sqlite:{database}")
        print(f"made user {self.name}")
        return 0


class ChangePassword(WithPassword):
    """
    C{imtw user passwd}.
    """

    longdesc = (
        "Change a user's password. The old one and the user's login tokens are worthless from then on, and "
        "the user's connections end."
    )
    example = "imtw user passwd ann --password-file new-password.txt"

    def run(self) -> int:
        """
        Change it.
        """
        database = existing(self)
        password = self.password()
        database.change(
            "/users/password",
            {"name": self.name, "password": password},
            partial(setSecret, name=self.name, secret=self.secret(password)),
        )
        print(f"changed the password of {self.name}")
        return 0


class SetOperator(Named):
    """
    C{imtw user operator}.
    """

    longdesc = "Make a user an operator, or an ordinary user again, at once where it is online."
    arguments = "NAME yes|no"
    example = "imtw user operator ann yes"

    def parseArgs(self, name: str, flag: str) -> None:  # type: ignore[override]
        """
        Whom it is about, and what it is to be.
        """
        super().parseArgs(name)
        if flag not in ("yes", "no"):
            raise usage.UsageError(f"{flag!r} is neither yes nor no")
        self.flag = flag == "yes"

    def run(self) -> int:
        """
        Set the flag.
        """
        existing(self).change(
            "/users/operator",
            {"name": self.name, "operator": self.flag},
            partial(setOperator, name=self.name, operator=self.flag),
        )
        print(f"{self.name} is {'an operator' if self.flag else 'no operator'} now")
        return 0


class ListUsers(Command):
    """
    C{imtw user list}.
    """

    longdesc = (
        "List all users in the order of their names, a line each: the name, what others see, and operator, disabled "
        "or -, with tabs between."
    )
    example = "imtw user list | grep operator"

    def run(self) -> int:
        """
        List them.
        """
        with Database(self.storeSpec()).read() as database:
            for account in database.users():
                user = account.user
                marks = [word for word, isSo in (("operator", user.operator), ("disabled", account.disabled)) if isSo]
                print(shown(user.id), shown(user.nick), ",".join(marks) or "-", sep="\t")
        return 0


class ListGroups(Command):
    """
    C{imtw group list}.
    """

    longdesc = "List all groups in the order of their ids, a line each: the id and the name, with a tab between."
    example = "imtw group list"

    def run(self) -> int:
        """
        List them.
        """
        with Database(self.storeSpec()).read() as database:
            for group in database.groups():
                print(shown(group.id), shown(group.name), sep="\t")
        return 0


class UserCommands(Command):
    """
    C{imtw user}.
    """

    longdesc = "Make accounts, change them, list them."
    arguments = "COMMAND"
    example = "imtw user add ann"
    subCommands = [
        ["add", None, AddUser, "Make an account."],
        ["passwd", None, ChangePassword, "Change a password."],
        ["operator", None, SetOperator, "Make a user an operator, or not."],
        ["list", None, ListUsers, "List all users."],
    ]


class GroupCommands(Command):
    """
    C{imtw group}.
    """

    longdesc = "List groups."
    arguments = "COMMAND"
    example = "imtw group list"
    subCommands = [["list", None, ListGroups, "List all groups."]]


def existing(command: Command) -> Database:
    """
    The database of a command that changes what is there.

    @raise Failed: there is none.
    """
    database = Database(command.storeSpec())
    if not database.exists():
        raise Failed(f"{database} is not there: give the server's database (--store sqlite:FILE)")
    return database


async def addUser(store: IStore, name: str, secret: str) -> None:
    """
    Make an account where no server runs.
    """
    if not await store.addAccount(User(id=name, nick=name), secret):
        raise Failed(taken(name))


async def setSecret(store: IStore, name: str, secret: str) -> None:
    """
    Change a password where no server runs.
    """
    if not await store.setSecret(name, secret):
        raise Failed(unknown(name))


async def setOperator(store: IStore, name: str, operator: bool) -> None:
    """
    Set the flag where no server runs.
    """
    if not await store.setOperator(name, operator):
        raise Failed(unknown(name))
