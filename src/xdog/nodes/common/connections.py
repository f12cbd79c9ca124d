"""Which publishers are actually connected."""

import rospy


def has_publisher(subscriber: rospy.Subscriber, node: str = "") -> bool:
    """Whether a publisher's connection is open, that of ``node`` if it is given.

    rospy counts the connection of a killed node until the master removes it, but its socket closes at once.
    """
    links = (link for link in list(subscriber.impl.connections) if getattr(link, "socket", None) is not None)
    return any(not node or link.callerid_pub == node for link in links)
