from twisted.application.service import ServiceMaker

jim = ServiceMaker("imtw", "imtw.tap", "An instant-messaging server for the clients of several systems.", "jim")
