"""
Every interface there is: the plugin author's manual.

A plugin is a declaration, one line in a module C{twisted/plugins/acme_x.py}
(see L{imtw.plugin}), and the class it names.  What the class gets is an
L{ICore}; what it has to provide is one of these:

    - L{ICommandHandler}: answers a command, in every dialect;
    - L{ILoginChecker}: says who may log in;
    - L{IJoinPolicy}: says who may join a group;
    - L{IChatFilter}: changes or refuses messages;
    - L{IStore}: keeps users, groups and logs (L{IPeopleStore},
      L{IGroupStore}, L{ILogStore});
    - L{IRelay}: tells other nodes;
    - L{IDialect}: how one family of clients speaks;
    - L{IImporter}: brings over what another server has kept.

All of them are imported from here.  Unless said otherwise everything is
called on the reactor thread, and a method that returns a Deferred fails it
with L{imtw.errors.StoreError} or L{imtw.errors.CommandRefused} and nothing
else that is expected.
"""

from imtw.interfaces.core import IAccounts, ICore, IDelivery, IForm, ISession, ISessions
from imtw.interfaces.deciding import IChatFilter, ICommandHandler, IJoinPolicy, ILoginChecker
from imtw.interfaces.groups import IGroupStore
from imtw.interfaces.logs import ILogStore
from imtw.interfaces.makers import (
    ICheckerMaker,
    IDialectMaker,
    IFilterMaker,
    IHandlerMaker,
    IImporterMaker,
    IMaker,
    IPolicyMaker,
    IRelayMaker,
    IStoreMaker,
)
from imtw.interfaces.people import IPeopleStore
from imtw.interfaces.store import IAppended, IStore
from imtw.interfaces.wire import IDialect, IImporter, IRelay, ISocketSpeaker

__all__ = [
    "IAccounts",
    "IAppended",
    "IChatFilter",
    "ICheckerMaker",
    "ICommandHandler",
    "ICore",
    "IDelivery",
    "IDialect",
    "IDialectMaker",
    "IFilterMaker",
    "IForm",
    "IGroupStore",
    "IHandlerMaker",
    "IImporter",
    "IImporterMaker",
    "IJoinPolicy",
    "ILogStore",
    "ILoginChecker",
    "IMaker",
    "IPeopleStore",
    "IPolicyMaker",
    "IRelay",
    "IRelayMaker",
    "ISession",
    "ISessions",
    "ISocketSpeaker",
    "IStore",
    "IStoreMaker",
]
