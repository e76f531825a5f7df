import init from "streamkeeper";
import "./streamkeeper.jsx";

void init();
