What a FastIM token has opened ends on every node when the user logs in again, or when the operator revokes the token, with the ``440`` that its clients know.
