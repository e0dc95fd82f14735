from msgspec import Struct
from zope.interface import implementer

from imtw.commands import Access, Command, Nothing, Reply, Status
from imtw.interfaces import ICommandHandler, ICore, ISession
from imtw.plugin import HandlerMaker


class Greeting(Struct):
    text: str


@implementer(ICommandHandler)
class HelloHandler:
    command = Command(22, "hello", Nothing, 22, Greeting, Access.ANYBODY, help="be greeted")

    def __init__(self, core: ICore) -> None:
        self._core = core

    def handle(self, request: Nothing, session: ISession) -> Reply:
        return Reply(Status.OK, Greeting(f"hello, {session.user.nick if session.user else 'stranger'}"))


hello = HandlerMaker("hello", f"{__name__}.HelloHandler", "be greeted")
