import "streamkeeper/react.css";

export const metadata = { title: "Chat", icons: { icon: "data:," } };

export default function Layout({ children }) {
  return (
    <html lang="en">
      <body>{children}</body>
    </html>
  );
}
